#include "engine/emit/emitter.h"

#include <algorithm>

#include "engine/decode/registers.h"
#include "engine/emit/calls.h"
#include "engine/emit/records.h"
#include "engine/instrument/buffer.h"

namespace isotach::dbi {
namespace {

constexpr size_t kWorstInstructionBytes = 128;
constexpr size_t kWorstInstructionColdBytes = 64 + 4 * sizeof(MapEntry);
constexpr uint16_t kRcxInSlot0 = spilled(0, rcx);

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

size_t Emitter::worst_hot_bytes(const TracePlan& plan) {
  const size_t comparison = plan.compares ? plan.instructions.size() * 80 + 128 : 0;
  return plan.instructions.size() * kWorstInstructionBytes + plan.blocks.size() * 64 + 384 + comparison +
         worst_call_bytes(plan);
}

size_t Emitter::worst_cold_bytes(const TracePlan& plan) {
  return plan.instructions.size() * kWorstInstructionColdBytes + 256 +
         plan.instructions.size() * (sizeof(SharedCount) + sizeof(Borrowed)) + sizeof(UnitExtras) +
         plan.blocks.size() * sizeof(uint16_t) + worst_call_cold_bytes(plan);
}

size_t Emitter::worst_hot_bytes(const TraceSource& source) {
  return source.max_instructions * kWorstInstructionBytes + source.max_blocks * 64 + 384;
}

size_t Emitter::worst_cold_bytes(const TraceSource& source) {
  return source.max_instructions * kWorstInstructionColdBytes + 256;
}

void Emitter::mark(uint16_t state) {
  const uint16_t offset = here();
  if (!map_.empty() && map_.back().code_offset == offset) {
    // A boundary stays one: the first store to a slot has not been made yet.
    if (map_.back().pc_offset == pc_offset_)
      state = static_cast<uint16_t>(state | (map_.back().state & kBoundary));
    map_.pop_back();
  }
  map_.push_back({offset, pc_offset_, state});
}

void Emitter::mark_copied() {
  const uint16_t offset = here();
  if (!map_.empty() && map_.back().code_offset == offset) map_.pop_back();
  map_.push_back({offset, pc_offset_, kCopied});
}

void Emitter::lose(uint8_t reg, uint32_t index) {
  if ((live_.at_faults[index] >> reg & 1) == 0 || (lost_ >> reg & 1) != 0) return;
  code_.store_gs(reg, borrowed_offset(reg));
  lost_ |= static_cast<uint16_t>(1u << reg);
  lost_since_[reg] = here();
}

void Emitter::end_lost(uint32_t index) {
  if (lost_ == 0 || index == ended_) return;
  ended_ = index;
  const auto ending = static_cast<uint16_t>(lost_ & live_.touched[index]);
  for (uint16_t reg = 0; reg < 16; ++reg) {
    if ((ending >> reg & 1) != 0) borrowed_.push_back({lost_since_[reg], here(), reg});
  }
  lost_ &= static_cast<uint16_t>(~ending);
}

uint64_t Emitter::constant(uint64_t value) {
  while (cold_.address() % 8 != 0) cold_.byte(0xcc);
  const uint64_t at = cold_.address();
  cold_.int64(value);
  return at;
}

uint64_t Emitter::return_address(uint64_t value) {
  uint8_t* at = region_.pushed;
  if (at == region_.high) return constant(value);
  region_.pushed_pages.reach(reinterpret_cast<uint64_t>(at + sizeof value));
  std::memcpy(at, &value, sizeof value);
  region_.pushed = at + sizeof value;
  return reinterpret_cast<uint64_t>(at);
}

void Emitter::begin_unit(bool indirect) {
  code_.align(16);
  if (indirect) prologue_.emplace(cache_.write_prologue(code_, cold_, region_, unit_.pc, true));
  unit_.code = code_.at();
}

bool Emitter::emit(bool count_blocks, bool indirect) {
  begin_unit(indirect);
  if (count_blocks || plan_.instrumented) compute_liveness(plan_, live_);
  if (plan_.compares) emit_comparison();
  RecordEmitter records(*this);
  const bool may_record = plan_.instrumented && trace_buffer_count() != 0;
  for (const PlannedBlock& block : plan_.blocks) {
    next_version_ = block.next_version < 0 ? plan_.version : static_cast<uint16_t>(block.next_version);
    const bool ends_trace = next_version_ != plan_.version;
    if (may_record) records.plan(block);
    if (plan_.instrumented) {
      blocks_.push_back(static_cast<uint16_t>(plan_.instructions[block.first].address - unit_.pc));
    }
    uint32_t counted = block.first;  // the calls of instructions before this one are done
    const uint32_t anywhere = plan_.instrumented ? better_place_of_count(block) : block.first;
    if (anywhere != block.first) counted = block.first + 1;
    for (uint32_t i = block.first; i < block.first + block.count; ++i) {
      const PlannedInstruction& instruction = plan_.instructions[i];
      pc_offset_ = static_cast<uint16_t>(instruction.address - unit_.pc);
      mark(kBoundary);
      if (i == block.first && count_blocks) emit_count(i, block.count);
      const bool is_last =
          i + 1 == plan_.instructions.size() || (ends_trace && i + 1 == block.first + block.count);
      if (i == anywhere && i != block.first) {
        CallEmitter(*this, i).emit_plain_count(plan_.instructions[block.first].calls.front(),
                                               records.busy(i));
        mark(0);
      }
      if (i >= counted && plan_.instrumented) counted = i + emit_shared_count(i, block.first + block.count);
      const bool is_recorded = records.has(i);
      if (is_recorded) records.emit(i);
      const bool has_calls = !instruction.calls.empty() && i >= counted && !is_recorded;
      if (!has_calls && !instruction.removed && !instruction.redirected) {
        if (!emit_instruction(instruction, is_last)) return false;
      } else if (!CallEmitter(*this, i).emit(is_last)) {
        return false;
      }
      end_lost(i);
    }
    if (ends_trace) break;
  }
  return end_unit();
}

bool Emitter::end_unit() {
  unit_.code_size = static_cast<uint32_t>(code_.at() - unit_.code);
  // Offsets within a unit have 16 bits.
  is_too_large_ = unit_.code_size >= 0xffff;
  if (is_too_large_) return false;
  write_tables();
  region_.hot = code_.at();
  region_.cold = cold_.at();
  return true;
}

uint32_t Emitter::better_place_of_count(const PlannedBlock& block) const {
  const PlannedInstruction& head = plan_.instructions[block.first];
  PlainCount count;
  if (head.calls.size() != 1 || head.calls.front().place != Place::anywhere || !plain_count_of(head, count)) {
    return block.first;
  }
  for (uint32_t i = block.first; i < block.first + block.count; ++i) {
    const std::vector<Call>& calls = plan_.instructions[i].calls;
    const auto may_leave = [](const Call& call) { return call.step == Call::Step::version_case; };
    if (std::any_of(calls.begin(), calls.end(), may_leave)) break;
    if (live_.flags[i] == 0) return i;
  }
  return block.first;
}

uint32_t Emitter::emit_shared_count(uint32_t first, uint32_t end) {
  PlainCount shared;
  if (!plain_count_of(plan_.instructions[first], shared)) return 0;
  uint32_t count = 1;
  for (PlainCount next; first + count < end && plain_count_of(plan_.instructions[first + count], next);
       ++count) {
    if (next.counter != shared.counter || next.addend != shared.addend) break;
  }
  const int64_t sum = int64_t{shared.addend} * count;
  if (count < 2 || sum != static_cast<int32_t>(sum)) return 0;
  CallEmitter(*this, first)
      .emit_plain_count(plan_.instructions[first].calls.front(), 0, static_cast<int32_t>(sum));
  mark(0);
  const uint64_t last = plan_.instructions[first + count - 1].address;
  shared_counts_.push_back(
      {shared.counter, shared.addend, pc_offset_, static_cast<uint16_t>(last - unit_.pc)});
  return count;
}

void Emitter::emit_count(uint32_t first, uint32_t count) {
  if (live_.flags[first] == 0) {
    code_.add_gs_imm(CONTEXT_COUNTER, static_cast<int32_t>(count));
    return;
  }
  mark(spilled(0, rax));
  code_.store_gs(rax, slot_offset(0));
  code_.load_gs(rax, CONTEXT_COUNTER);
  code_.lea(rax, rax, static_cast<int32_t>(count));
  code_.store_gs(rax, CONTEXT_COUNTER);
  code_.load_gs(rax, slot_offset(0));
  mark(0);
}

bool Emitter::emit_instruction(const PlannedInstruction& instruction, bool is_last) {
  const Scan& scan = instruction.scan;
  const uint64_t behind = instruction.address + scan.length;
  switch (scan.flow) {
    case Flow::next:
      if (is_popf(scan)) {
        emit_popf(instruction);
      } else if (instruction.rewrite_register >= 0) {
        if (!emit_rewritten(instruction)) return false;
      } else if (scan.segment != Segment::none) {
        if (!emit_segment_access(instruction)) return false;
      } else {
        emit_copy(instruction);
      }
      break;
    case Flow::trap:
      emit_copy(instruction);
      break;
    case Flow::jump:
      emit_link(scan.target);
      return true;
    case Flow::jump_if:
      emit_link_if(scan.opcode & 15, scan.target);
      break;
    case Flow::jump_if_count:
      emit_jump_if_count(instruction);
      break;
    case Flow::call:
      emit_push_return_address(behind);
      emit_link(scan.target);
      return true;
    case Flow::call_indirect:
      if (!emit_target_to_rcx(instruction)) return false;
      emit_push_return_address(behind);
      emit_indirect_jump();
      return true;
    case Flow::jump_indirect:
      if (!emit_target_to_rcx(instruction)) return false;
      emit_indirect_jump();
      return true;
    case Flow::return_near:
      mark(kRcxInSlot0);
      code_.store_gs(rcx, slot_offset(0));
      code_.byte(0x59);  // pop rcx
      if (scan.immediate16 != 0) {
        // lea rsp, [rsp + imm]
        code_.lea(rsp, rsp, scan.immediate16);
      }
      emit_indirect_jump();
      return true;
    case Flow::system_call:
      emit_leave(Exit::Kind::system_call, instruction.address, scan.length);
      return true;
    case Flow::emulate:
      emit_leave(Exit::Kind::emulate, instruction.address, scan.length);
      return true;
    case Flow::invalid:
      code_.bytes({0x0f, 0x0b});  // ud2: the signal handler finds the program's address in the map
      return true;
  }
  if (is_last) emit_link(behind);
  return true;
}

void Emitter::emit_popf(const PlannedInstruction& instruction) {
  const Scan& scan = instruction.scan;
  if (plan_.is_step) {
    emit_leave(Exit::Kind::emulate, instruction.address, scan.length);
    return;
  }
  // The flags are free: popf loads them all.
  code_.bytes({0xf6, 0x44, 0x24, 0x01, 0x01});  // test byte [rsp + 1], 1: the trap flag
  code_.bytes({0x0f, 0x85});                    // jnz
  code_.relative32(cold_.address());
  Exit& exit = cache_.make_exit(Exit::Kind::emulate, instruction.address, &unit_);
  exit.length = scan.length;
  exit.version = plan_.version;
  cold_.store_gs_imm32(CONTEXT_EXIT, cache_.number_of(exit));
  cold_.jump(reinterpret_cast<uint64_t>(region_.exit));
  emit_copy(instruction);
}

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
