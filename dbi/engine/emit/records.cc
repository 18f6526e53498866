#include "engine/emit/records.h"

#include <algorithm>

#include "engine/emit/calls.h"
#include "engine/instrument/buffer.h"

namespace isotach::dbi {
namespace {

// Low registers first: their encodings are shorter.
constexpr uint8_t kCandidates[] = {rax, rcx, rdx, rsi, rdi, rbx, rbp, r8, r9, r10, r11, r12, r13, r14, r15};
// A group that takes more of its buffer than this part of it would leave too much of it empty.
constexpr uint32_t kPartOfBuffer = 8;

constexpr uint16_t bit(int reg) {
  return static_cast<uint16_t>(1u << reg);
}

bool is_before(const Call& call) {
  return call.place == Place::before || call.place == Place::anywhere;
}

}  // namespace

const DecodedInstruction& RecordEmitter::full(uint32_t index) const {
  // Decoding is kept beside the plan, which is const to the emitter.
  return decoded(e_.plan_, const_cast<PlannedInstruction&>(instruction(index)));
}

// All that was planned for it is records of one buffer before it, of values that can be taken from where they
// are.
bool RecordEmitter::are_alike(uint32_t index, bool predicated) const {
  const PlannedInstruction& one = instruction(index);
  if (one.calls.empty() || one.removed || one.redirected) return false;
  const Call& first = one.calls.front();
  const CallEmitter calls(e_, index);
  return std::all_of(one.calls.begin(), one.calls.end(), [&](const Call& call) {
    return call.step == Call::Step::buffer && is_before(call) && call.predicated == predicated &&
           !call.after_condition && call.buffer == first.buffer && call.order == first.order &&
           std::all_of(call.arguments.begin(), call.arguments.end(), [&](const Argument& argument) {
             return argument.kind != ArgumentKind::branch_taken &&
                    calls.can_load_live(argument, Place::before);
           });
  });
}

void RecordEmitter::plan(const PlannedBlock& block) {
  groups_.clear();
  current_ = 0;
  written_ = 0;
  bool is_open = false;
  for (uint32_t i = block.first; i < block.first + block.count; ++i) {
    const PlannedInstruction& one = instruction(i);
    if (one.calls.empty() && !one.redirected) continue;
    if (one.scan.is_rep_string || !are_alike(i, false)) {
      is_open = false;
      continue;
    }
    const auto records = static_cast<uint32_t>(one.calls.size());
    const uint32_t buffer = one.calls.front().buffer;
    const TraceBufferLayout& layout = trace_buffer_layout(buffer);
    if (records * layout.record_bytes > layout.buffer_bytes) {
      is_open = false;
      continue;
    }
    if (is_open) {
      Group& group = groups_.back();
      const uint32_t bytes = (group.records + records) * layout.record_bytes;
      if (group.buffer == buffer && bytes <= layout.buffer_bytes / kPartOfBuffer) {
        group.last = i;
        group.records += records;
        continue;
      }
    }
    groups_.push_back({i, i, records, buffer});
    is_open = true;
  }
}

bool RecordEmitter::has(uint32_t index) const {
  return current_ < groups_.size() && index >= groups_[current_].first && index <= groups_[current_].last &&
         !instruction(index).calls.empty();
}

uint16_t RecordEmitter::busy(uint32_t index) const {
  if (current_ >= groups_.size() || written_ == 0) return 0;
  uint16_t mask = 0;
  for (const Role* role : {&base_, &field_}) {
    if (role->reg >= 0 && role->last >= index) mask |= bit(role->reg);
  }
  return mask;
}

// The program's registers that the records of an instruction look at.
uint16_t RecordEmitter::addressed(uint32_t index) const {
  uint16_t mask = 0;
  for (const Call& call : instruction(index).calls) {
    for (const Argument& argument : call.arguments) {
      if (argument.kind == ArgumentKind::register_value && argument.value < 16)
        mask |= bit(static_cast<int>(argument.value));
      if (argument.kind != ArgumentKind::memory_address) continue;
      const MemoryOperand& operand = full(index).memory[argument.value];
      if (operand.base >= 0 && operand.base < 16) mask |= bit(operand.base);
      if (operand.index >= 0 && !operand.index_is_vector) mask |= bit(operand.index);
    }
  }
  return mask;
}

// What it takes to borrow a register: to store it, and to load it again.
uint32_t RecordEmitter::cost_of(uint8_t reg, uint32_t at) const {
  if ((e_.live_.registers[at] >> reg & 1) != 0) return 2;
  return (e_.live_.at_faults[at] >> reg & 1) != 0 && (e_.lost_ >> reg & 1) == 0 ? 1 : 0;
}

// The register that costs least for each record that it serves.
RecordEmitter::Role RecordEmitter::choose(uint32_t index, uint16_t avoid, bool reloads) const {
  const Group& group = groups_[current_];
  // How far each register stays untouched: a bit for those that still are, as the records are passed.
  Role best;
  uint32_t best_cost = 0, best_served = 1;
  uint16_t open = static_cast<uint16_t>(~(avoid | addressed(index) | bit(rsp)));
  uint32_t served = static_cast<uint32_t>(instruction(index).calls.size());
  uint32_t last = index;
  const auto settle_those = [&](uint16_t ending) {
    for (const uint8_t reg : kCandidates) {
      if ((ending >> reg & 1) == 0) continue;
      const uint32_t cost = cost_of(reg, index) + (reloads ? 1u : 0u);
      if (best.reg >= 0 && cost * best_served >= best_cost * served) continue;
      best.reg = reg;
      best.last = last;
      best_cost = cost;
      best_served = served;
    }
  };
  // Those that end later serve more, so they are looked at last, and only when they are better.
  for (uint32_t i = index; i < group.last && open != 0; ++i) {
    if (!instruction(i).removed) {
      const auto ending = static_cast<uint16_t>(open & e_.live_.touched[i]);
      settle_those(ending);
      open = static_cast<uint16_t>(open & ~ending);
    }
    if (instruction(i + 1).calls.empty()) continue;
    const auto ending = static_cast<uint16_t>(open & addressed(i + 1));
    settle_those(ending);
    open = static_cast<uint16_t>(open & ~ending);
    last = i + 1;
    served += static_cast<uint32_t>(instruction(i + 1).calls.size());
  }
  settle_those(open);
  best.is_kept = (e_.live_.registers[index] >> best.reg & 1) != 0;
  return best;
}

void RecordEmitter::take(Role& role, uint32_t at) {
  const auto reg = static_cast<uint8_t>(role.reg);
  if (!role.is_kept) {
    e_.lose(reg, at);
    return;
  }
  code_.store_gs(reg, borrowed_offset(reg));
  role.begin = e_.here();
}

void RecordEmitter::give_back(Role& role) {
  if (role.is_kept) {
    const auto reg = static_cast<uint8_t>(role.reg);
    code_.load_gs(reg, borrowed_offset(reg));
    e_.borrowed_.push_back({role.begin, e_.here(), reg});
  }
  role.reg = -1;
}

// base_ points behind the records: from here on they count.
void RecordEmitter::count(uint16_t begin, uint32_t buffer, uint32_t records) {
  code_.store_gs(static_cast<uint8_t>(base_.reg), next_of(buffer));
  RecordGroup group{};
  group.begin = begin;
  group.end = e_.here();
  group.records = static_cast<uint16_t>(records);
  group.buffer = static_cast<uint8_t>(buffer);
  group.record_bytes = trace_buffer_layout(buffer).record_bytes;
  e_.record_groups_.push_back(group);
}

void RecordEmitter::begin_group(uint32_t index, uint32_t total) {
  const bool flags_are_live = e_.live_.flags[index] != 0;
  begin_ = code_.at();
  field_ = choose(index, 0, false);
  const uint16_t avoid = flags_are_live ? bit(rcx) : uint16_t{0};
  base_ = choose(index, static_cast<uint16_t>(bit(field_.reg) | avoid), true);
  in_field_ = 0;
  take(base_, index);
  take(field_, index);
  reserve({index, groups_[current_].buffer, Place::before}, total, flags_are_live);
}

// The next records of a group: what was borrowed for those before may have been given back.
void RecordEmitter::go_on(uint32_t index) {
  if (field_.reg < 0) {
    field_ = choose(index, base_.reg >= 0 ? bit(base_.reg) : uint16_t{0}, false);
    in_field_ = 0;
    take(field_, index);
  }
  if (base_.reg >= 0) return;
  base_ = choose(index, bit(field_.reg), true);
  take(base_, index);
  code_.load_gs(static_cast<uint8_t>(base_.reg), next_of(groups_[current_].buffer));
  base_offset_ = 0;
}

void RecordEmitter::emit(uint32_t index) {
  const Group& group = groups_[current_];
  const uint32_t record_bytes = trace_buffer_layout(group.buffer).record_bytes;
  const uint32_t total = group.records * record_bytes;
  const std::vector<Call>& calls = instruction(index).calls;
  e_.mark(0);
  if (written_ == 0) {
    begin_group(index, total);
  } else {
    go_on(index);
  }
  store_all(calls.data(), calls.size(), index, Place::before,
            base_offset_ + static_cast<int32_t>(written_ * record_bytes));
  written_ += static_cast<uint32_t>(calls.size());
  e_.record_pcs_.insert(e_.record_pcs_.end(), calls.size(), e_.pc_offset_);
  const bool is_last = index == group.last;
  if (is_last) {
    const auto base = static_cast<uint8_t>(base_.reg);
    if (base_offset_ == 0) code_.lea(base, base, static_cast<int32_t>(total));
    count(offset_of(begin_), group.buffer, group.records);
  }
  if (base_.last == index) give_back(base_);
  if (field_.last == index) give_back(field_);
  e_.mark(0);
  if (!is_last) return;
  ++current_;
  written_ = 0;
}

// For code that may be jumped over, so that nothing is lost there.
void RecordEmitter::choose_alone(uint16_t live, uint16_t avoid) {
  for (Role* role : {&base_, &field_}) {
    *role = {};
    for (const bool dead : {true, false}) {
      for (const uint8_t reg : kCandidates) {
        if (role->reg < 0 && (avoid >> reg & 1) == 0 && (!dead || (live >> reg & 1) == 0)) role->reg = reg;
      }
    }
    role->is_kept = true;
    avoid |= bit(role->reg);
  }
  in_field_ = 0;
}

void RecordEmitter::emit_alone(const Call& record, uint32_t index, Place place) {
  const TraceBufferLayout& layout = trace_buffer_layout(record.buffer);
  const uint32_t at = index + (place == Place::after ? 1u : 0u);
  // Inside the loop that a repeated instruction becomes, everything counts.
  const bool all_live = instruction(index).scan.is_rep_string;
  const uint16_t live = all_live ? uint16_t{0xffff} : e_.live_.registers[at];
  const bool flags_are_live = all_live || e_.live_.flags[at] != 0;
  begin_ = code_.at();
  choose_alone(live, static_cast<uint16_t>(addressed(index) | bit(rsp) | (flags_are_live ? bit(rcx) : 0)));
  take(base_, at);
  take(field_, at);
  reserve({index, record.buffer, place}, layout.record_bytes, flags_are_live);
  store_all(&record, 1, index, place, base_offset_);
  if (place == Place::before) {
    e_.record_pcs_.push_back(e_.pc_offset_);
    count(e_.here(), record.buffer, 1);
  } else {
    code_.store_gs(static_cast<uint8_t>(base_.reg), next_of(record.buffer));
  }
  give_back(base_);
  give_back(field_);
  e_.mark(0);
}

bool RecordEmitter::emit_repeated(uint32_t index) {
  const PlannedInstruction& one = instruction(index);
  if (one.scan.segment != Segment::none || one.scan.address32 || one.scan.opcode < 0xa4 ||
      !are_alike(index, true)) {
    return false;  // 0xa4: below are those of ports
  }
  const uint32_t buffer = one.calls.front().buffer;
  const auto records = static_cast<uint32_t>(one.calls.size());
  const uint32_t bytes = records * trace_buffer_layout(buffer).record_bytes;
  if (bytes > trace_buffer_layout(buffer).buffer_bytes) return false;
  code_.bytes({0xe3, 2, 0xeb, 5, 0xe9});  // jrcxz +2; jmp +5; jmp out
  code_.int32(0);
  uint8_t* to_out = code_.at();
  begin_ = code_.at();
  // A comparison makes flags of its own.
  const bool keeps_flags = !compares(one.scan) && e_.live_.flags[index] != 0;
  const bool uses_rax = one.scan.opcode >= 0xaa;  // stos, lods, scas
  const uint16_t used = bit(rcx) | bit(rsi) | bit(rdi) | bit(rsp) | (uses_rax ? bit(rax) : 0);
  choose_alone(e_.live_.registers[index], static_cast<uint16_t>(used | addressed(index)));
  take(base_, index);
  take(field_, index);
  if (keeps_flags) save_flags();
  const uint16_t flags_begin = e_.here();
  code_.load_gs(static_cast<uint8_t>(base_.reg), next_of(buffer));
  const uint8_t* top = code_.at();
  // Between two repetitions the program stands at the instruction, as it does when the kernel interrupts one.
  e_.map_.push_back({offset_of(top), e_.pc_offset_, kBoundary});
  add_and_compare(static_cast<uint8_t>(base_.reg), static_cast<int32_t>(bytes), buffer);
  code_.bytes({0x0f, 0x87});  // ja
  code_.relative32(
      reinterpret_cast<uint64_t>(write_full({index, buffer, Place::before, false, keeps_flags})));
  store_all(one.calls.data(), records, index, Place::before, -static_cast<int32_t>(bytes));
  e_.record_pcs_.insert(e_.record_pcs_.end(), records, e_.pc_offset_);
  count(e_.here(), buffer, records);
  e_.mark(0);
  write_repetition(one, top);
  if (keeps_flags) {
    restore_flags(code_, borrows_rax_for_flags());
    e_.borrowed_.push_back({flags_begin, e_.here(), kBorrowedFlags});
  }
  give_back(base_);
  give_back(field_);
  code_.land(to_out);
  e_.mark(0);
  return true;
}

}  // namespace isotach::dbi
