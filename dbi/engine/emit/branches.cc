// Where a unit ends: links to other units, indirect branches, and what leaves for the dispatcher.
#include <cstring>

#include "engine/emit/emitter.h"

namespace isotach::dbi {

bool Emitter::emit_target_to_rcx(const PlannedInstruction& instruction) {
  const Scan& scan = instruction.scan;
  const uint8_t* bytes = instruction.bytes;
  mark(kRcxInSlot0);
  code_.store_gs(rcx, slot_offset(0));
  // The same operand as the source of mov rcx.
  PlannedInstruction load;
  uint8_t form[24];
  unsigned size = 0;
  if (scan.segment == Segment::fs) form[size++] = 0x64;
  if (scan.segment == Segment::gs) form[size++] = 0x65;
  if (scan.address32) form[size++] = 0x67;
  form[size++] = static_cast<uint8_t>(0x48 | (scan.rex & 3));
  load.scan.prefix_length = static_cast<uint8_t>(size);
  form[size++] = 0x8b;
  load.scan.modrm_offset = static_cast<uint8_t>(size);
  form[size++] = static_cast<uint8_t>((bytes[scan.modrm_offset] & 0xc7) | rcx << 3);
  for (unsigned i = scan.modrm_offset + 1u; i < scan.length; ++i) form[size++] = bytes[i];
  load.bytes = form;
  load.scan.opcode = 0x8b;
  load.scan.rex = static_cast<uint8_t>(0x48 | (scan.rex & 3));
  load.scan.length = static_cast<uint8_t>(size);
  load.scan.flow = Flow::next;
  load.scan.segment = scan.segment;
  load.scan.rip_relative = scan.rip_relative;
  load.scan.address32 = scan.address32;
  load.scan.displacement_size = scan.displacement_size;
  if (scan.displacement_offset != 0) {
    load.scan.displacement_offset =
        static_cast<uint8_t>(load.scan.modrm_offset + scan.displacement_offset - scan.modrm_offset);
  }
  // So that the displacement, which counts from behind the instruction, means the same address.
  load.address = instruction.address + scan.length - size;
  if (scan.segment != Segment::none) {
    // Borrows slot 1; rcx is the destination.
    if (!emit_segment_access(load)) return false;
  } else {
    emit_copy(load);
  }
  mark(kRcxInSlot0);
  return true;
}

void Emitter::emit_push_return_address(uint64_t address) {
  // One instruction, one whole store, so that ret's load is forwarded from it.
  if (address <= INT32_MAX) {
    code_.byte(0x68);  // push imm32: nothing is read
    code_.int32(static_cast<int32_t>(address));
    return;
  }
  code_.bytes({0xff, 0x35});  // push [rip + x]
  code_.relative32(return_address(address));
}

void Emitter::emit_indirect_jump() {
  // rcx: target; slot 0: the program's rcx. A prologue or isotach_indirect_miss restores both.
  if (next_version_ != 0 || plan_.version != 0) {
    Exit& exit = cache_.make_exit(Exit::Kind::indirect, 0, &unit_);
    exit.version = next_version_;
    code_.store_gs(rcx, CONTEXT_TARGET);
    code_.load_gs(rcx, slot_offset(0));
    code_.store_gs_imm32(CONTEXT_EXIT, cache_.number_of(exit));
    code_.jump(reinterpret_cast<uint64_t>(region_.exit));
    return;
  }
  mark(kRcxInSlot0 | spilled(1, rax));
  code_.store_gs(rax, slot_offset(1));
  if (cache_.notes_branches()) code_.store_gs_imm32(CONTEXT_BRANCHED_FROM, unit_.number);
  if (plan_.is_step) {
    code_.jump(reinterpret_cast<uint64_t>(region_.miss));
    return;
  }
  code_.bytes({0x0f, 0xb7, 0xc1});  // movzx eax, cx
  code_.bytes({0xff, 0x24, 0xc5});  // jmp [rax * 8 + table]
  code_.int32(static_cast<int32_t>(cache_.target_table()));
}

void Emitter::emit_leave(Exit::Kind kind, uint64_t target, uint8_t length) {
  Exit& exit = cache_.make_exit(kind, target, &unit_);
  exit.length = length;
  exit.version = next_version_;
  code_.store_gs_imm32(CONTEXT_EXIT, cache_.number_of(exit));
  code_.jump(reinterpret_cast<uint64_t>(region_.exit));
}

void Emitter::finish_link(uint8_t* displacement, uint64_t target) {
  Exit& exit = cache_.make_exit(Exit::Kind::link, target, &unit_);
  exit.displacement = displacement;
  exit.version = next_version_;
  const uint32_t number = cache_.number_of(exit);
  exit.set_stub(cold_.at());
  cold_.store_gs_imm32(CONTEXT_EXIT, number);
  cold_.jump(reinterpret_cast<uint64_t>(region_.exit));
  std::memcpy(displacement, &exit.stub_behind, 4);
  links_.push_back(number);
}

void Emitter::emit_link(uint64_t target) {
  finish_link(code_.jump_patchable(0), target);
}

void Emitter::emit_link_if(uint8_t condition, uint64_t target) {
  finish_link(code_.jump_if_patchable(condition, 0), target);
}

void Emitter::emit_jump_if_count(const PlannedInstruction& instruction) {
  // These have an 8 bit displacement only:  jrcxz +2; jmp over; jmp target; over:
  if (instruction.scan.address32) code_.byte(0x67);
  code_.bytes({instruction.scan.opcode, 2, 0xeb, 0});
  uint8_t* behind_skip = code_.at();
  uint8_t* displacement = code_.jump_patchable(0);
  behind_skip[-1] = static_cast<uint8_t>(code_.at() - behind_skip);
  finish_link(displacement, instruction.scan.target);
}

}  // namespace isotach::dbi
