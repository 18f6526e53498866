#include "memory/vm/series.h"

namespace isotach::memory {
namespace {

machine::Parts with_uptime(machine::Parts parts) {
  parts.uptime = true;
  return parts;
}

record::MetricDescriptor missed_deadlines_metric() {
  return {"vm_missed_deadlines", Unit::count, record::MetricKind::counter,
          "Samples that could not be taken in time and were left out", "missed deadlines"};
}

record::MetricDescriptor whole_disk_metric() {
  return {"disk_is_whole", Unit::count, record::MetricKind::gauge, "1 for a whole disk, 0 for a partition",
          "whole disk"};
}

}  // namespace

VmSeries::VmSeries(record::SeriesTable& table, VmMode mode, bool pressure)
    : table_(table),
      machine_(table, vm_parts(mode, pressure)),
      machine_with_uptime_(table, with_uptime(vm_parts(mode, pressure))),
      missed_deadlines_(table.intern(missed_deadlines_metric())) {}

std::optional<record::SeriesId> VmSeries::whole_disk_series(const std::string& disk) {
  const auto known = whole_disks_.find(disk);
  if (known != whole_disks_.end()) return known->second;
  return whole_disks_.emplace(disk, table_.intern(whole_disk_metric(), {{"device", disk}})).first->second;
}

void VmSeries::put(const VmReading& reading, std::uint64_t missed_deadlines, record::Sample& sample) {
  const bool has_uptime = !reading.machine.uptime.uptime_s.is_missing();
  (has_uptime ? machine_with_uptime_ : machine_).put(reading.machine, sample);
  if (missed_deadlines_) sample.points.push_back({*missed_deadlines_, Value::of(missed_deadlines)});
  for (std::size_t i = 0; i < reading.disk_is_whole.size(); ++i) {
    if (const auto series = whole_disk_series(reading.machine.disks[i].name))
      sample.points.push_back({*series, Value::of(reading.disk_is_whole[i] ? 1 : 0)});
  }
  sample.sort();
}

void VmSeries::take(const record::Sample& sample, VmReading& reading, std::uint64_t& missed_deadlines) {
  machine_with_uptime_.take(sample, reading.machine);
  const Value* missed = missed_deadlines_ ? sample.find(*missed_deadlines_) : nullptr;
  missed_deadlines = missed != nullptr ? missed->as_unsigned() : 0;
  reading.disk_is_whole.clear();
  for (const kernel::DiskReading& disk : reading.machine.disks) {
    const auto series = whole_disk_series(disk.name);
    const Value* whole = series ? sample.find(*series) : nullptr;
    reading.disk_is_whole.push_back(whole == nullptr || whole->as_unsigned() != 0);
  }
}

}  // namespace isotach::memory
