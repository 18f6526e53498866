#include "engine/instrument/routine_requests.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace isotach::dbi {
namespace {

// Longer ones are data or damaged symbols.
constexpr uint64_t kMostRoutineBytes = 1 << 24;
constexpr uint64_t kIntegerArguments = 10;
constexpr uint8_t kReturn[] = {0xc3};
constexpr uint16_t kResultRegister = 0;  // rax

}  // namespace

void RoutineRequests::add_entry(const Routine& routine, Call call) {
  call.place = Place::before;
  at_instruction_[routine.address].calls.push_back(std::move(call));
}

void RoutineRequests::add_exit(const Routine& routine, Call call) {
  call.place = Place::before;
  Exit& exit = exits_[routine.address];
  exit.high = routine.address + routine.size;
  exit.calls.push_back(std::move(call));
}

void RoutineRequests::replace(const Routine& routine, Replacement replacement) {
  replacements_[routine.address] = std::move(replacement);
}

bool RoutineRequests::is_replaced(const Routine& routine) const {
  return is_replaced_at(routine.address);
}

bool RoutineRequests::is_replaced_at(uint64_t address) const {
  return replacements_.contains(address);
}

void RoutineRequests::clear() {
  at_instruction_.clear();
  exits_.clear();
  replacements_.clear();
}

OpenedRoutine* RoutineRequests::open(Routine& routine) {
  std::unique_ptr<OpenedRoutine>& slot = opened_[routine.number];
  if (slot != nullptr) return slot.get();
  auto fresh = std::make_unique<OpenedRoutine>();
  fresh->routine = &routine;
  fresh->code.resize(std::min(routine.size, kMostRoutineBytes));
  if (!copy_memory(routine.address, fresh->code.data(), fresh->code.size())) {
    opened_.erase(routine.number);
    return nullptr;
  }
  for (size_t at = 0; at < fresh->code.size();) {
    PlannedInstruction one;
    one.address = routine.address + at;
    one.bytes = fresh->code.data() + at;
    one.scan = scan_instruction(one.bytes, fresh->code.size() - at, one.address);
    if (one.scan.flow == Flow::invalid || one.scan.length == 0) break;
    at += one.scan.length;
    fresh->instructions.push_back(std::move(one));
  }
  slot = std::move(fresh);
  return slot.get();
}

OpenedRoutine* RoutineRequests::opened(const Routine& routine) {
  const auto found = opened_.find(routine.number);
  return found == opened_.end() ? nullptr : found->second.get();
}

void RoutineRequests::close(Routine& routine) {
  const auto found = opened_.find(routine.number);
  if (found == opened_.end()) return;
  for (PlannedInstruction& one : found->second->instructions) {
    if (one.calls.empty() && !one.any()) continue;
    AtInstruction& kept = at_instruction_[one.address];
    std::move(one.calls.begin(), one.calls.end(), std::back_inserter(kept.calls));
    kept.add(one);
  }
  opened_.erase(found);
}

void RoutineRequests::announce(const TracePlan& plan) {
  Image* const image = images().at(plan.address);
  if (image == nullptr || !on_routine) return;
  // Most traces stay in one routine.
  const Routine* last = nullptr;
  for (const PlannedInstruction& one : plan.instructions) {
    if (last != nullptr && last->holds(one.address)) continue;
    Routine* const routine = image->routine_at(one.address);
    if (routine == nullptr) continue;
    last = routine;
    if (std::exchange(routine->announced, true)) continue;
    on_routine(*routine);
  }
}

// The routine's first instruction becomes a return, before which the tool's function is called and gives the
// result: the engine needs to know nothing of replacements.
bool RoutineRequests::apply_replacement(TracePlan& plan, size_t index, const Replacement& replacement) const {
  Call call;
  call.routine = replacement.function;
  call.returns_value = replacement.returns_value;
  call.returns_all = replacement.returns_value;
  call.return_register = kResultRegister;
  if (replacement.has_signature) {
    call.arguments = replacement.arguments;
  } else {
    for (uint64_t i = 0; i < kIntegerArguments; ++i)
      call.arguments.push_back({.kind = ArgumentKind::function_argument, .size = 8, .value = i});
  }
  PlannedInstruction& first = plan.instructions[index];
  first.bytes = kReturn;
  first.scan = scan_instruction(kReturn, sizeof kReturn, first.address);
  first.calls.push_back(std::move(call));
  plan.instructions.resize(index + 1);
  while (!plan.blocks.empty() && plan.blocks.back().first > index) plan.blocks.pop_back();
  if (!plan.blocks.empty())
    plan.blocks.back().count = static_cast<uint32_t>(index + 1 - plan.blocks.back().first);
  return true;
}

void RoutineRequests::apply(TracePlan& plan) {
  announce(plan);
  if (at_instruction_.empty() && exits_.empty() && replacements_.empty()) return;
  for (size_t i = 0; i < plan.instructions.size(); ++i) {
    PlannedInstruction& one = plan.instructions[i];
    if (const auto found = at_instruction_.find(one.address); found != at_instruction_.end()) {
      const AtInstruction& kept = found->second;
      one.calls.insert(one.calls.begin(), kept.calls.begin(), kept.calls.end());
      one.add(kept);
      plan.instrumented = true;
    }
    if (one.scan.flow == Flow::return_near && !exits_.empty()) {
      auto after = exits_.upper_bound(one.address);
      if (after != exits_.begin() && (--after)->second.high > one.address) {
        one.calls.insert(one.calls.end(), after->second.calls.begin(), after->second.calls.end());
        plan.instrumented = true;
      }
    }
    if (plan.is_original && i == 0) continue;
    if (const auto found = replacements_.find(one.address); found != replacements_.end()) {
      plan.instrumented = true;
      apply_replacement(plan, i, found->second);
      return;
    }
  }
}

void RoutineRequests::forget(uint64_t low, uint64_t high) {
  std::erase_if(at_instruction_, [&](const auto& one) { return one.first >= low && one.first < high; });
  std::erase_if(replacements_, [&](const auto& one) { return one.first >= low && one.first < high; });
  exits_.erase(exits_.lower_bound(low), exits_.lower_bound(high));
}

RoutineRequests& routine_requests() {
  // Never destroyed, as images() is not.
  static RoutineRequests* const all = new RoutineRequests;
  return *all;
}

}  // namespace isotach::dbi
