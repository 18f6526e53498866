#include "memory/process/tree.h"

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace isotach::memory {

using kernel::ProcessField;
using kernel::ProcessReading;

bool ProcessTree::contains(unsigned pid) const {
  return std::find(members_.begin(), members_.end(), pid) != members_.end();
}

void ProcessTree::add(const std::vector<kernel::ProcessLister::Found>& found) {
  // A child may stand before its parent where numbers have started again from the bottom.
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& [pid, parent_pid] : found) {
      if (contains(pid) || !contains(parent_pid)) continue;
      if (members_.size() >= kMemberLimit) {
        ++refused_;
        continue;
      }
      members_.push_back(pid);
      grown = true;
    }
  }
}

void ProcessTree::remove(unsigned pid) {
  std::erase(members_, pid);
}

namespace {

constexpr ProcessField kMemoryFields[] = {
    ProcessField::resident_pages,   ProcessField::peak_resident_kib, ProcessField::anonymous_kib,
    ProcessField::swap_kib,         ProcessField::data_kib,          ProcessField::heap_bytes,
    ProcessField::proportional_kib, ProcessField::private_kib,       ProcessField::proportional_swap_kib,
    ProcessField::lazy_free_kib,
};

Value sum_of(const Value& a, const Value& b) {
  if (a.is_missing()) return a;
  if (b.is_missing()) return b;
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a.as_unsigned(), b.as_unsigned(), &sum)) return Missing::malformed;
  return Value::of(sum);
}

// A process that is ending, or has ended, has given its memory back: it adds nothing, and that the
// kernel no longer tells its sizes does not make the sum unknown.
bool has_memory(const ProcessReading& reading) {
  if (reading.has_ended()) return false;
  const Value& resident = reading[ProcessField::resident_pages];
  const Value& swap = reading[ProcessField::swap_kib];
  const bool released = !resident.is_missing() && resident.as_unsigned() == 0 && swap.is_missing() &&
                        swap.reason() == Missing::not_supported;
  return !released;
}

Value never_less(const Value& now, std::uint64_t& largest) {
  if (now.is_missing()) return now;
  largest = std::max(largest, now.as_unsigned());
  return Value::of(largest);
}

}  // namespace

void TreeSum::sum(const std::vector<ProcessReading>& members, ProcessReading& total) {
  CHECK(!members.empty());
  const ProcessReading& root = members.front();
  total.pid = root.pid;
  total.parent_pid = root.parent_pid;
  total.command = root.command;
  total.state = root.state;
  total.start_ticks = root.start_ticks;
  total.values.fill(Value::of(0));
  total[ProcessField::age_ns] = root[ProcessField::age_ns];

  const bool any_memory = std::any_of(members.begin(), members.end(), has_memory);
  for (const ProcessField field : kMemoryFields) {
    Value& sum = total[field];
    if (!any_memory) sum = root[field];
    for (const ProcessReading& member : members)
      if (has_memory(member)) sum = sum_of(sum, member[field]);
  }
  // Nobody knows the peak of a sum from the peaks of its parts.
  if (members.size() > 1) total[ProcessField::peak_resident_kib] = Missing::not_supported;

  const auto counted = [&](ProcessField own, ProcessField children) {
    Value sum = Value::of(0);
    for (const ProcessReading& member : members) sum = sum_of(sum, sum_of(member[own], member[children]));
    return sum;
  };
  total[ProcessField::minor_faults] =
      never_less(counted(ProcessField::minor_faults, ProcessField::children_minor_faults), minor_faults_);
  total[ProcessField::major_faults] =
      never_less(counted(ProcessField::major_faults, ProcessField::children_major_faults), major_faults_);
  total[ProcessField::cpu_ns] =
      never_less(counted(ProcessField::cpu_ns, ProcessField::children_cpu_ns), cpu_ns_);
  Value waited = Value::of(0);
  for (const ProcessReading& member : members) waited = sum_of(waited, member[ProcessField::cpu_wait_ns]);
  total[ProcessField::cpu_wait_ns] = never_less(waited, cpu_wait_ns_);
  for (const ProcessReading& member : members)
    total[ProcessField::threads] = sum_of(total[ProcessField::threads], member[ProcessField::threads]);
}

}  // namespace isotach::memory
