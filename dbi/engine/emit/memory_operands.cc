// Instructions whose memory operand does not mean the same where their copy stands: relative to rip, with a
// segment of the program's, or moved by a tool.
#include <cstring>

#include "engine/decode/registers.h"
#include "engine/emit/emitter.h"

namespace isotach::dbi {
namespace {

uint64_t rip_target(const PlannedInstruction& instruction) {
  const Scan& scan = instruction.scan;
  int32_t displacement;
  std::memcpy(&displacement, instruction.bytes + scan.displacement_offset, 4);
  const uint64_t target = instruction.address + scan.length + static_cast<uint64_t>(int64_t{displacement});
  return scan.address32 ? static_cast<uint32_t>(target) : target;
}

// Which of rax, rcx, rdx, rbx, rbp, rsi, rdi the instruction leaves alone: those need no other prefix to be
// encoded as a base.
int free_register(const PlannedInstruction& instruction, uint32_t taken = 0) {
  const uint32_t used = general_registers_used(instruction.bytes, instruction.scan.length) | taken;
  for (const uint8_t candidate : {rax, rcx, rdx, rbx, rsi, rdi}) {
    if ((used >> candidate & 1) == 0) return candidate;
  }
  return -1;
}

}  // namespace

bool Emitter::is_in_reach(const PlannedInstruction& instruction) const {
  const auto from_here =
      static_cast<int64_t>(rip_target(instruction) - (code_.address() + instruction.scan.length));
  return from_here == static_cast<int32_t>(from_here) && !instruction.scan.address32;
}

void Emitter::emit_copy(const PlannedInstruction& instruction) {
  const Scan& scan = instruction.scan;
  if (!scan.rip_relative) {
    code_.copy_instruction(instruction.bytes, scan.length);
    return;
  }
  if (!is_in_reach(instruction)) {
    emit_far_rip_relative(instruction);
    return;
  }
  uint8_t* at = code_.at();
  code_.copy_instruction(instruction.bytes, scan.length);
  const auto displacement = static_cast<int32_t>(rip_target(instruction) - code_.address());
  std::memcpy(at + scan.displacement_offset, &displacement, 4);
}

bool Emitter::emit_far_rip_relative(const PlannedInstruction& instruction) {
  const uint64_t target = rip_target(instruction);
  const int base = free_register(instruction);
  if (base < 0) return false;
  mark(spilled(1, base));
  code_.store_gs(static_cast<uint8_t>(base), slot_offset(1));
  code_.mov_reg_imm64(static_cast<uint8_t>(base), target);
  emit_with_base(instruction, static_cast<uint8_t>(base), 0);
  code_.load_gs(static_cast<uint8_t>(base), slot_offset(1));
  mark(0);
  return true;
}

// With its memory operand where a register says that it lies.
bool Emitter::emit_rewritten(const PlannedInstruction& instruction) {
  const int free = free_register(instruction);
  if (free < 0) return false;
  const auto base = static_cast<uint8_t>(free);
  mark(spilled(1, base));
  code_.store_gs(base, slot_offset(1));
  emit_load_register(static_cast<uint16_t>(instruction.rewrite_register), base);
  emit_with_base(instruction, base, 0);
  code_.load_gs(base, slot_offset(1));
  mark(0);
  return true;
}

void Emitter::emit_load_register(uint16_t number, uint8_t to) {
  if (number < 16) {
    code_.mov_reg_reg(to, static_cast<uint8_t>(number));
  } else {
    code_.load_gs(to, tool_register_offset(number));
  }
}

void Emitter::emit_with_base(const PlannedInstruction& instruction, uint8_t base, int32_t displacement) {
  const Scan& scan = instruction.scan;
  const uint8_t* bytes = instruction.bytes;
  for (unsigned i = 0; i < scan.prefix_length; ++i) {
    const uint8_t prefix = bytes[i];
    if (prefix == 0x64 || prefix == 0x65 || prefix == 0x67) continue;
    const bool is_rex = scan.rex != 0 && i + 1 == scan.prefix_length;
    code_.byte(is_rex ? prefix & 0xfc : prefix);  // neither X nor B
  }
  const unsigned modrm = scan.modrm_offset;
  uint8_t* head = code_.at();
  code_.copy(bytes + scan.prefix_length, modrm - scan.prefix_length);
  if (scan.vector_prefix && (head[0] == 0xc4 || head[0] == 0x62 || head[0] == 0x8f)) {
    head[1] |= 0x60;  // VEX, EVEX and XOP hold X and B inverted
  }
  code_.byte(static_cast<uint8_t>(0x80 | (bytes[modrm] & 0x38) | base));
  code_.int32(displacement);
  if (scan.immediate_offset != 0)
    code_.copy(bytes + scan.immediate_offset, scan.length - scan.immediate_offset);
}

bool Emitter::emit_segment_access(const PlannedInstruction& instruction) {
  const Scan& scan = instruction.scan;
  const int32_t base_offset = scan.segment == Segment::fs ? CONTEXT_PROGRAM_FS : CONTEXT_PROGRAM_GS;
  if (scan.modrm_offset == 0) return emit_string_with_segment(instruction);
  const uint8_t* bytes = instruction.bytes;
  const uint8_t modrm = bytes[scan.modrm_offset];
  const uint8_t mod = modrm >> 6;
  const uint8_t rm = modrm & 7;
  const bool has_sib = rm == 4;
  int base = rm | (scan.rex & 1) << 3;
  int index = -1;
  uint8_t scale = 0;
  if (has_sib) {
    const uint8_t sib = bytes[scan.modrm_offset + 1];
    base = (sib & 7) | (scan.rex & 1) << 3;
    if ((sib & 7) == 5 && mod == 0) base = -1;
    index = (sib >> 3 & 7) | (scan.rex >> 1 & 1) << 3;
    if (index == 4) index = -1;
    scale = sib >> 6;
  } else if (mod == 0 && rm == 5) {
    base = -1;
  }
  int64_t displacement = 0;
  if (scan.displacement_size == 1) {
    displacement = static_cast<int8_t>(bytes[scan.displacement_offset]);
  } else if (scan.displacement_size == 4) {
    int32_t value;
    std::memcpy(&value, bytes + scan.displacement_offset, 4);
    displacement = value;
  }
  if (scan.vector_prefix) {
    const VectorMemory memory = vector_memory_operand(bytes, scan.length);
    if (memory.index_is_vector) return emit_gather_with_segment(instruction, memory.base);
    if (!memory.is_usable) return false;
    base = memory.base;
    index = memory.index;
    scale = memory.scale;
    displacement = memory.displacement;
  }
  if (scan.rip_relative || scan.address32) {
    if (scan.rip_relative) displacement += static_cast<int64_t>(instruction.address + scan.length);
    return emit_computed_segment_access(instruction, base, index, scale, displacement);
  }

  // mov reg, fs:[x]: the destination itself can hold the base.
  const bool is_load = scan.map == 0 && scan.opcode == 0x8b && !scan.vector_prefix && (scan.rex & 8) != 0;
  const uint8_t destination = static_cast<uint8_t>((modrm >> 3 & 7) | (scan.rex >> 2 & 1) << 3);
  if (is_load && base < 0 && index < 0 && destination != rsp) {
    mark(spilled(1, destination));
    code_.store_gs(destination, slot_offset(1));
    code_.load_gs(destination, base_offset);
    code_.load(destination, destination, static_cast<int32_t>(displacement));
    mark(0);
    return true;
  }
  const int borrowed = free_register(instruction);
  if (borrowed < 0) return false;
  const auto scratch = static_cast<uint8_t>(borrowed);
  mark(spilled(1, scratch));
  code_.store_gs(scratch, slot_offset(1));
  code_.load_gs(scratch, base_offset);
  if (base >= 0) code_.lea_index(scratch, static_cast<uint8_t>(base), scratch, 0);
  if (index >= 0) code_.lea_index(scratch, scratch, static_cast<uint8_t>(index), scale);
  emit_with_base(instruction, scratch, static_cast<int32_t>(displacement));
  code_.load_gs(scratch, slot_offset(1));
  mark(0);
  return true;
}

// The whole address is computed before the instruction: where it is more than base, index and 32 bits.
bool Emitter::emit_computed_segment_access(const PlannedInstruction& instruction, int base, int index,
                                           uint8_t scale, int64_t displacement) {
  const Scan& scan = instruction.scan;
  const int first = free_register(instruction);
  const int second = first < 0 ? -1 : free_register(instruction, 1u << first);
  if (second < 0) return false;
  const auto address = static_cast<uint8_t>(first);
  const auto other = static_cast<uint8_t>(second);
  mark(spilled(1, address));
  code_.store_gs(address, slot_offset(1));
  mark(spilled(1, address));
  code_.store_gs(other, slot_offset(2));
  mark(spilled(1, address) | spilled(2, other));
  code_.mov_reg_imm64(address, static_cast<uint64_t>(displacement));
  if (base >= 0) code_.lea_index(address, static_cast<uint8_t>(base), address, 0);
  if (index >= 0) code_.lea_index(address, address, static_cast<uint8_t>(index), scale);
  if (scan.address32) code_.mov_reg_reg32(address, address);
  code_.load_gs(other, scan.segment == Segment::fs ? CONTEXT_PROGRAM_FS : CONTEXT_PROGRAM_GS);
  code_.lea_index(address, address, other, 0);
  code_.load_gs(other, slot_offset(2));
  mark(spilled(1, address));
  emit_with_base(instruction, address, 0);
  code_.load_gs(address, slot_offset(1));
  mark(0);
  return true;
}

// A gather or scatter: the vector index stays, the base becomes base plus segment.
bool Emitter::emit_gather_with_segment(const PlannedInstruction& instruction, int base) {
  const Scan& scan = instruction.scan;
  const int borrowed = free_register(instruction);
  if (borrowed < 0 || scan.address32) return false;
  const auto scratch = static_cast<uint8_t>(borrowed);
  mark(spilled(1, scratch));
  code_.store_gs(scratch, slot_offset(1));
  code_.load_gs(scratch, scan.segment == Segment::fs ? CONTEXT_PROGRAM_FS : CONTEXT_PROGRAM_GS);
  if (base >= 0) code_.lea_index(scratch, static_cast<uint8_t>(base), scratch, 0);
  const unsigned sib = scan.modrm_offset + 1u;
  for (unsigned i = 0; i < scan.prefix_length; ++i) {
    if (instruction.bytes[i] != 0x64 && instruction.bytes[i] != 0x65) code_.byte(instruction.bytes[i]);
  }
  uint8_t* head = code_.at();
  code_.copy(instruction.bytes + scan.prefix_length, sib - scan.prefix_length);
  head[1] |= 0x20;  // B, inverted: the base is one of the first eight
  const uint8_t without_base = static_cast<uint8_t>(instruction.bytes[sib] & 0xf8);
  code_.byte(static_cast<uint8_t>(without_base | scratch));
  // Without a base mod is 0, with 32 bits of displacement: with one that is mod 2.
  if (base < 0) head[sib - scan.prefix_length - 1] |= 0x80;
  code_.copy(instruction.bytes + sib + 1, scan.length - sib - 1);
  code_.load_gs(scratch, slot_offset(1));
  mark(0);
  return true;
}

bool Emitter::emit_string_with_segment(const PlannedInstruction& instruction) {
  const Scan& scan = instruction.scan;
  if (scan.map != 0 || scan.address32) return false;
  const int32_t base_offset = scan.segment == Segment::fs ? CONTEXT_PROGRAM_FS : CONTEXT_PROGRAM_GS;
  if (scan.opcode >= 0xa0 && scan.opcode <= 0xa3) {
    // mov between the accumulator and an absolute 64 bit address.
    uint64_t address;
    std::memcpy(&address, instruction.bytes + scan.length - 8, 8);
    mark(spilled(1, rcx));
    code_.store_gs(rcx, slot_offset(1));
    code_.store_gs(rdx, slot_offset(2));
    mark(spilled(1, rcx) | spilled(2, rdx));
    code_.load_gs(rcx, base_offset);
    code_.mov_reg_imm64(rdx, address);
    code_.lea_index(rcx, rcx, rdx, 0);
    for (unsigned i = 0; i < scan.prefix_length; ++i) {
      const uint8_t prefix = instruction.bytes[i];
      const bool is_rex = scan.rex != 0 && i + 1 == scan.prefix_length;
      if (prefix != 0x64 && prefix != 0x65)
        code_.byte(is_rex ? prefix & 0x48 : prefix);  // of REX only W counts
    }
    static constexpr uint8_t kForms[] = {0x8a, 0x8b, 0x88, 0x89};
    code_.bytes({kForms[scan.opcode - 0xa0], 0x01});
    code_.load_gs(rcx, slot_offset(1));
    code_.load_gs(rdx, slot_offset(2));
    mark(0);
    return true;
  }
  // lods, movs, cmps, outs read at rsi, xlat at rbx. The base is added for the instruction and taken off
  // behind it; a fault inside is put right by take_back_segment().
  const int reg = segment_string_register(scan);
  if (reg < 0) return false;
  const auto pointer = static_cast<uint8_t>(reg);
  mark(0);
  code_.store_gs(rax, slot_offset(1));
  code_.load_gs(rax, base_offset);
  code_.lea_index(pointer, pointer, rax, 0);
  code_.load_gs(rax, slot_offset(1));
  for (unsigned i = 0; i < scan.length; ++i) {
    const uint8_t byte = instruction.bytes[i];
    if (i < scan.prefix_length && (byte == 0x64 || byte == 0x65)) continue;
    code_.byte(byte);
  }
  code_.store_gs(rax, slot_offset(1));
  code_.load_gs(rax, base_offset);
  code_.bytes({0x48, 0xf7, 0xd0});  // not rax
  code_.bytes(
      {0x48, 0x8d, static_cast<uint8_t>(0x44 | pointer << 3), pointer, 0x01});  // lea reg, [reg + rax + 1]
  code_.load_gs(rax, slot_offset(1));
  return true;
}

}  // namespace isotach::dbi
