// Ways out of a unit before its end: the program's code has changed, or another version of the trace is
// wanted.
#include <cstring>

#include "engine/emit/emitter.h"

namespace isotach::dbi {

void Emitter::emit_comparison() {
  // No flags: rcx = bytes - expected, and jrcxz.
  mark(kBoundary);
  code_.store_gs(rcx, slot_offset(0));
  code_.store_gs(rax, slot_offset(1));
  mark(spilled(0, rcx) | spilled(1, rax));
  const uint64_t size = unit_.pc_end - unit_.pc;
  Exit& exit = cache_.make_exit(Exit::Kind::changed, unit_.pc, &unit_);
  exit.version = plan_.version;
  uint8_t* stub = cold_.at();
  cold_.load_gs(rcx, slot_offset(0));
  cold_.load_gs(rax, slot_offset(1));
  cold_.store_gs_imm32(CONTEXT_EXIT, cache_.number_of(exit));
  cold_.jump(reinterpret_cast<uint64_t>(region_.exit));
  for (uint64_t offset = 0; offset < size;) {
    // Whole words; the last one overlaps the one before where it must.
    unsigned width = 8;
    if (size < 8) width = size - offset >= 4 ? 4 : size - offset >= 2 ? 2 : 1;
    const uint64_t from = size >= 8 && offset + 8 > size ? size - 8 : offset;
    uint64_t expected = 0;
    std::memcpy(&expected, reinterpret_cast<const void*>(unit_.pc + from), width);
    code_.mov_reg_imm64(rax, unit_.pc + from);
    if (width == 8) {
      code_.load(rax, rax, 0);
    } else if (width == 4) {
      code_.bytes({0x8b, 0x00});  // mov eax, [rax]
    } else {
      code_.bytes({0x0f, static_cast<uint8_t>(width == 2 ? 0xb7 : 0xb6), 0x00});  // movzx eax, [rax]
    }
    code_.mov_reg_imm64(rcx, 0 - expected);
    code_.lea_index(rcx, rcx, rax, 0);
    code_.bytes({0xe3, 5});  // jrcxz over the jump
    code_.jump(reinterpret_cast<uint64_t>(stub));
    offset = from + width;
  }
  code_.load_gs(rcx, slot_offset(0));
  code_.load_gs(rax, slot_offset(1));
}

void Emitter::emit_version_case(const Call& call, uint64_t address) {
  // No flags: rcx = register - value, and jrcxz.
  mark(0);
  code_.store_gs(rcx, slot_offset(0));
  mark(spilled(0, rcx));
  emit_load_register(call.case_register, rcx);
  code_.lea(rcx, rcx, -call.case_value);
  code_.bytes({0xe3, 2, 0xeb, 0});  // jrcxz +2; jmp over
  uint8_t* behind_skip = code_.at();
  code_.load_gs(rcx, slot_offset(0));
  const uint16_t next = next_version_;
  next_version_ = call.case_version;
  emit_link(address);
  next_version_ = next;
  behind_skip[-1] = static_cast<uint8_t>(code_.at() - behind_skip);
  code_.load_gs(rcx, slot_offset(0));
  mark(0);
}

}  // namespace isotach::dbi
