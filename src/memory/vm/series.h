// The way from a vm sample to a recorded sample and back: a replay computes from the same numbers as
// the live run did.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "machine/series.h"
#include "memory/vm/reading.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::memory {

// Slabs are not recorded: they are hundreds of names that nobody replays.
[[nodiscard]] constexpr bool can_be_recorded(VmMode mode) {
  return mode != VmMode::slabs;
}

class VmSeries {
 public:
  VmSeries(record::SeriesTable& table, VmMode mode, bool pressure);

  void put(const VmReading& reading, std::uint64_t missed_deadlines, record::Sample& sample);
  void take(const record::Sample& sample, VmReading& reading, std::uint64_t& missed_deadlines);

 private:
  [[nodiscard]] std::optional<record::SeriesId> whole_disk_series(const std::string& disk);

  record::SeriesTable& table_;
  machine::MachineSeries machine_;
  machine::MachineSeries machine_with_uptime_;
  std::optional<record::SeriesId> missed_deadlines_;
  std::unordered_map<std::string, std::optional<record::SeriesId>> whole_disks_;
};

}  // namespace isotach::memory
