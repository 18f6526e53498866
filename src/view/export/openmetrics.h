// Samples as text for Prometheus: OpenMetrics 1.0, or the older text format 0.0.4, which
// node_exporter's textfile collector and promtool read.
//
// Names are isotach_<metric>, with _total behind counters. Values are in base units and exact; a
// counter is what the kernel said, times its scale. A missing value is absent, and why is told by
// isotach_missing_info{metric,reason}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "record/metric.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::view {

enum class Exposition {
  openmetrics,  // application/openmetrics-text; version=1.0.0
  prometheus,   // text/plain; version=0.0.4
};

[[nodiscard]] std::string_view content_type(Exposition format);

// Which of the two an Accept header prefers; the older one where it names neither, as old scrapers
// send no such header.
[[nodiscard]] Exposition negotiate(std::string_view accept);

// "isotach_memory_free_bytes", "isotach_forks_total": the name of the samples.
[[nodiscard]] std::string exported_name(const record::MetricDescriptor& metric);

class OpenMetricsWriter {
 public:
  explicit OpenMetricsWriter(Exposition format) : format_(format) {}

  // All points of `sample`, grouped by metric as both formats demand. Call once.
  void sample(const record::Sample& sample, const record::SeriesTable& table);

  // A metric of the exporter itself. `metric.name` comes without prefix, as in a descriptor.
  void single(const record::MetricDescriptor& metric, const Value& value);

  // Labels with the constant value 1: isotach_build_info{version="0.1.0"}. `name` is "build"; each
  // entry of `entries` is one set of labels. Nothing is written when there are none.
  void info(std::string_view name, std::string_view help, const std::vector<record::Labels>& entries);

  // What was written so far, to be kept and put before later text.
  [[nodiscard]] std::string take();
  // The same with the end of the page, after which nothing may follow.
  [[nodiscard]] std::string finish();

 private:
  void describe(const record::MetricDescriptor& metric);
  void point(const record::MetricDescriptor& metric, const record::Labels& labels, std::string_view number);

  Exposition format_;
  std::string text_;
};

}  // namespace isotach::view
