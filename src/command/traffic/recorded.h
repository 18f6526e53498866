// Traffic as series, for recordings, the page and the agent: counters of interfaces, protocols and so on, and
// of the largest flows, hosts, stations, ports and processes, as series with labels that say what they are.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "network/traffic/groups.h"
#include "network/traffic/source.h"
#include "record/metric.h"
#include "record/probe.h"
#include "record/recorder.h"
#include "record/series.h"

namespace isotach::command {

// Four counters of each kind: traffic_host_in_bytes, ...; then how it was counted, what was not accounted
// for, and what was counted without a row.
[[nodiscard]] std::vector<record::MetricDescriptor> traffic_metrics();
inline constexpr std::string_view kTrafficMethodMetric = "traffic_source_method";
inline constexpr std::string_view kTrafficUnaccountedMetric = "traffic_not_accounted_packets";
inline constexpr std::string_view kTrafficOtherMetric = "traffic_other_packets";

// From snapshots to samples.
class TrafficSeries {
 public:
  // Of each kind that can be long, so many of the largest are put into each sample.
  static constexpr std::size_t kLargest = 100;

  // `few`: only kinds that are short and stay, such as interfaces, protocols and sizes.
  enum class Extent { few, all };
  TrafficSeries(record::SeriesTable& table, Extent extent);

  // Appends; `sample` is in order afterwards.
  void put(const network::TrafficSnapshot& snapshot, const network::TrafficRates* rates,
           record::Sample& sample);
  // Rows that found no place among the series.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

 private:
  static constexpr std::size_t kCounters = 4;
  using Ids = std::array<record::SeriesId, kCounters>;

  void put_kind(const network::TrafficSnapshot& snapshot, const network::TrafficRates* rates,
                network::TrafficBy by, record::Sample& sample);
  void put_single(std::size_t which, const Value& value, record::Sample& sample);
  [[nodiscard]] const Ids* ids_of(const network::TrafficSnapshot& snapshot, network::TrafficBy by,
                                  const network::TrafficGroup& group);

  record::SeriesTable& table_;
  Extent extent_;
  std::vector<record::MetricDescriptor> metrics_;
  std::array<std::unordered_map<std::uint64_t, Ids>, network::kTrafficBys> known_;
  std::uint64_t left_out_ = 0;
};

class TrafficRecorder {
 public:
  [[nodiscard]] static Result<std::unique_ptr<TrafficRecorder>> create(const std::string& path,
                                                                       const record::RecordingInfo& info);
  void add(const network::TrafficSnapshot& snapshot, const network::TrafficRates* rates);
  [[nodiscard]] std::optional<Error> error() const { return recorder_->error(); }
  [[nodiscard]] Result<void> finish() { return recorder_->finish(); }
  // Rows that found no place among the series of the recording.
  [[nodiscard]] std::uint64_t left_out() const { return series_.left_out(); }

 private:
  TrafficRecorder() : series_(table_, TrafficSeries::Extent::all) {}

  record::SeriesTable table_;
  TrafficSeries series_;
  std::unique_ptr<record::Recorder> recorder_;
  record::Sample sample_;
};

// Counts and puts into samples what is few and stays: for isotach web and isotach agent.
class TrafficProbe final : public record::Probe {
 public:
  // `table` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<TrafficProbe>> open(const network::TrafficOptions& options,
                                                                  Clock& clock, record::SeriesTable& table);
  [[nodiscard]] std::vector<record::MetricDescriptor> metrics() const override { return traffic_metrics(); }
  void collect(record::Sample& sample) override;
  // Of the last sample.
  [[nodiscard]] const network::TrafficSnapshot& snapshot() const { return snapshot_; }
  // Why the last collect() gave nothing, if it did.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  TrafficProbe(std::unique_ptr<network::TrafficSource> source, record::SeriesTable& table)
      : source_(std::move(source)), series_(table, TrafficSeries::Extent::few) {}

  std::unique_ptr<network::TrafficSource> source_;
  TrafficSeries series_;
  network::TrafficSnapshot snapshot_;
  std::optional<Error> error_;
};

}  // namespace isotach::command
