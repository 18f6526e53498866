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

}  // namespace isotach::dbi
