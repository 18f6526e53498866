// The intervals of a test as series, for recordings and plots: counters of bytes, datagrams and transactions,
// and what was so at the end of each interval.
#pragma once

#include <string>
#include <vector>

#include "network/nettest/report.h"
#include "record/metric.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::command {

[[nodiscard]] std::vector<record::MetricDescriptor> nettest_metrics();
// What is worth looking at first: names of metrics for `isotach plot`.
[[nodiscard]] std::vector<std::string> nettest_plot_metrics(const nettest::TestFacts& facts);

class NettestSeries {
 public:
  explicit NettestSeries(record::SeriesTable& table) : table_(table), metrics_(nettest_metrics()) {}

  // Where the counters begin.
  [[nodiscard]] record::Sample first(const nettest::TestFacts& facts);
  [[nodiscard]] record::Sample next(const nettest::TestFacts& facts, const nettest::IntervalReport& report);

 private:
  struct Counters {
    std::uint64_t bytes = 0, packets = 0, lost = 0, out_of_order = 0, duplicates = 0, buffer_drops = 0,
                  retransmits = 0, transactions = 0;
  };
  [[nodiscard]] record::Sample sample(const nettest::TestFacts& facts, const nettest::IntervalReport* report,
                                      double at_s);
  void put(record::Sample& sample, std::size_t metric, const record::Labels& labels, const Value& value);

  record::SeriesTable& table_;
  std::vector<record::MetricDescriptor> metrics_;
  std::vector<Counters> counters_;
};

}  // namespace isotach::command
