// Traffic in a recording: counters of interfaces, protocols and so on, and of the largest flows, hosts,
// stations, ports and processes, as series with labels that say what they are.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "network/traffic/groups.h"
#include "record/metric.h"
#include "record/recorder.h"
#include "record/series.h"

namespace isotach::command {

// Four counters of each kind: traffic_host_in_bytes, ...; then how it was counted, what was not accounted
// for, and what was counted without a row.
[[nodiscard]] std::vector<record::MetricDescriptor> traffic_metrics();
inline constexpr std::string_view kTrafficMethodMetric = "traffic_source_method";
inline constexpr std::string_view kTrafficUnaccountedMetric = "traffic_not_accounted_packets";
inline constexpr std::string_view kTrafficOtherMetric = "traffic_other_packets";

class TrafficRecorder {
 public:
  // Of each kind that can be long, so many of the largest are recorded with each sample.
  static constexpr std::size_t kLargest = 100;

  [[nodiscard]] static Result<std::unique_ptr<TrafficRecorder>> create(const std::string& path,
                                                                       const record::RecordingInfo& info);
  void add(const network::TrafficSnapshot& snapshot, const network::TrafficRates* rates);
  [[nodiscard]] std::optional<Error> error() const { return recorder_->error(); }
  [[nodiscard]] Result<void> finish() { return recorder_->finish(); }
  // Rows that found no place among the series of the recording.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

 private:
  static constexpr std::size_t kCounters = 4;
  using Ids = std::array<record::SeriesId, kCounters>;

  TrafficRecorder();
  void add_kind(const network::TrafficSnapshot& snapshot, const network::TrafficRates* rates,
                network::TrafficBy by);
  void add_single(std::size_t which, const Value& value);
  [[nodiscard]] const Ids* ids_of(const network::TrafficSnapshot& snapshot, network::TrafficBy by,
                                  const network::TrafficGroup& group);

  std::vector<record::MetricDescriptor> metrics_;
  record::SeriesTable table_;
  std::unique_ptr<record::Recorder> recorder_;
  std::array<std::unordered_map<std::uint64_t, Ids>, network::kTrafficBys> known_;
  record::Sample sample_;
  std::uint64_t left_out_ = 0;
};

}  // namespace isotach::command
