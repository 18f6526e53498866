// The metrics of a followed process, and the way from its readings to a sample and back.
//
// Each process has its own series, labelled {pid="123",command="python3"}.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernel/process.h"
#include "record/metric.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::memory {

// In the order of kernel::ProcessField.
[[nodiscard]] const std::vector<record::MetricDescriptor>& process_metrics();

class ProcessSeries {
 public:
  explicit ProcessSeries(record::SeriesTable& table) : table_(table) {}

  // Appends the points of `readings` to `sample` and puts them in order.
  void put(const std::vector<kernel::ProcessReading>& readings, record::Sample& sample);
  // The processes of a sample of the same table, in the order in which they were first seen.
  void take(const record::Sample& sample, std::vector<kernel::ProcessReading>& readings);
  // The page size of the machine that recorded, from the recorded descriptors.
  [[nodiscard]] std::uint64_t page_size_bytes() const;

 private:
  struct Process {
    unsigned pid = 0;
    std::string command;
    std::vector<std::optional<record::SeriesId>> series;  // by ProcessField; nothing past the table's limit
  };

  std::size_t process_index(unsigned pid, const std::string& command);
  void find_processes();

  record::SeriesTable& table_;
  std::vector<Process> processes_;
  std::map<std::pair<unsigned, std::string>, std::size_t> index_;
  std::size_t scanned_series_ = 0;  // how much of the table find_processes() has looked at
};

}  // namespace isotach::memory
