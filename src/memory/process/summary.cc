#include "memory/process/summary.h"

#include <algorithm>

#include "base/counter.h"

namespace isotach::memory {
namespace {

void raise(std::optional<ProcessSummary::Peak>& peak, std::uint64_t bytes, Instant time) {
  if (!peak || bytes > peak->bytes) peak = ProcessSummary::Peak{bytes, time};
}

void raise(std::optional<ProcessSummary::Peak>& peak, const ProcessCell& cell, Instant time) {
  if (!cell.is_missing()) raise(peak, cell.value.as_unsigned(), time);
}

std::optional<std::uint64_t> growth(const ProcessCell& first, const ProcessCell& last, bool from_start) {
  if (last.is_missing() || (!from_start && first.is_missing())) return std::nullopt;
  return counter_growth(from_start ? 0 : first.value.as_unsigned(), last.value.as_unsigned());
}

}  // namespace

void ProcessSummary::add(const ProcessRow& row, Instant time) {
  if (samples_ == 0) {
    first_time_ = time;
    first_ = row;
  }
  raise(resident_, row[ProcessColumn::resident], time);
  raise(proportional_, row[ProcessColumn::proportional], time);
  raise(swap_, row[ProcessColumn::swap], time);
  raise(heap_, row[ProcessColumn::heap], time);
  // The kernel's own peak has grown since the last sample: it lies between the two. What it was when
  // the following began may be older than that.
  const ProcessCell& kernel_peak = row[ProcessColumn::resident_peak];
  if (!kernel_peak.is_missing()) {
    const std::uint64_t bytes = kernel_peak.value.as_unsigned();
    if (kernel_peak_ && bytes > *kernel_peak_) raise(resident_, bytes, time);
    kernel_peak_ = bytes;
  }
  ++samples_;
  add_last_counters(row, time);
}

void ProcessSummary::add_last_counters(const ProcessRow& row, Instant time) {
  pid_ = row.pid;
  command_ = row.command;
  last_ = row;
  last_time_ = time;
}

std::optional<std::uint64_t> ProcessSummary::minor_faults(bool from_start) const {
  return growth(first_[ProcessColumn::minor_faults], last_[ProcessColumn::minor_faults], from_start);
}

std::optional<std::uint64_t> ProcessSummary::major_faults(bool from_start) const {
  return growth(first_[ProcessColumn::major_faults], last_[ProcessColumn::major_faults], from_start);
}

std::optional<double> ProcessSummary::cpu_seconds(bool from_start) const {
  const ProcessCell& first = first_[ProcessColumn::cpu_time];
  const ProcessCell& last = last_[ProcessColumn::cpu_time];
  if (last.is_missing() || (!from_start && first.is_missing())) return std::nullopt;
  return std::max(0.0, last.value.as_real() - (from_start ? 0 : first.value.as_real()));
}

}  // namespace isotach::memory
