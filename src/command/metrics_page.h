// The page that `isotach agent` serves: machine metrics, and what serving them costs.
//
// The machine is read when a scraper asks, but at most once in `fresh_ns`: scrapers that come in
// between get the same values, so that a hundred of them cost little more than one. One thread reads
// at a time; the others wait for it, but not for ever: a file of /sys can hang with its driver.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "record/metric.h"
#include "record/sample.h"
#include "record/series.h"
#include "view/export/openmetrics.h"

namespace isotach::command {

class MetricsPage {
 public:
  // Fills a sample; an error means that there is nothing to show.
  using Collect = std::function<Result<void>(record::Sample&)>;

  struct Options {
    std::int64_t fresh_ns = 500'000'000;
    std::chrono::milliseconds wait_limit{5000};  // for another thread's collection
    // What the doctor finds in what was collected last, as labels; called in turn with the collection.
    std::function<std::vector<record::Labels>()> findings = {};
  };

  MetricsPage(Collect collect, const record::SeriesTable& table, Clock& clock, Options options);

  // The whole page. Any thread may call. `refused_requests` is what the server turned away.
  [[nodiscard]] Result<std::string> text(view::Exposition format, std::uint64_t refused_requests);

  struct Cost {
    std::uint64_t scrapes = 0;
    std::uint64_t collections = 0;
    std::uint64_t failures = 0;  // collections that gave nothing
    std::uint64_t late = 0;      // scrapes given up because a collection took too long
    std::int64_t last_collect_ns = 0;
    std::int64_t total_collect_ns = 0;
  };
  [[nodiscard]] Cost cost() const;

  // The metrics about the agent itself, for docs/metrics.md.
  [[nodiscard]] static std::vector<record::MetricDescriptor> own_metrics();

 private:
  Result<void> collect_if_old();
  void write_own(view::OpenMetricsWriter& writer, std::uint64_t refused_requests) const;

  const Collect collect_;
  const record::SeriesTable& table_;
  Clock& clock_;
  const Options options_;

  std::timed_mutex collecting_;  // guards the next three
  record::Sample sample_;
  std::optional<std::int64_t> collected_ns_;            // monotonic; nothing before the first success
  std::array<std::optional<std::string>, 2> rendered_;  // of sample_, by Exposition

  mutable std::mutex cost_mutex_;
  Cost cost_;
};

}  // namespace isotach::command
