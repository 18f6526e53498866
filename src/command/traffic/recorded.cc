#include "command/traffic/recorded.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "command/traffic/session.h"

namespace isotach::command {
namespace {

using network::TrafficBy;
using network::TrafficGroup;
using network::TrafficSnapshot;

struct Counter {
  std::string_view name, title;
  Unit unit;
};
constexpr std::array<Counter, 4> kCounters = {{{"in_bytes", "received", Unit::bytes},
                                               {"out_bytes", "sent", Unit::bytes},
                                               {"in_packets", "packets received", Unit::count},
                                               {"out_packets", "packets sent", Unit::count}}};

bool is_long(TrafficBy by) {
  return by == TrafficBy::flow || by == TrafficBy::host || by == TrafficBy::station ||
         by == TrafficBy::port || by == TrafficBy::process || by == TrafficBy::container;
}

// Of protocols, sizes and casts there are always so many.
std::size_t fixed_rows(TrafficBy by) {
  if (by == TrafficBy::protocol) return network::kTrafficProtocols;
  if (by == TrafficBy::size) return network::kTrafficSizeFloors.size();
  return by == TrafficBy::cast ? network::kTrafficCasts : 0;
}

// What names a row for good; not what changes while it lives.
record::Labels labels_of(const TrafficSnapshot& snapshot, TrafficBy by, const TrafficGroup& group) {
  record::Labels labels;
  for (const network::TrafficAttribute& attribute : network::traffic_attributes(snapshot, by, group)) {
    const bool changes = attribute.key == "state" || attribute.key == "flags_in" ||
                         attribute.key == "flags_out" || attribute.key == "retransmits" ||
                         attribute.key == "address" || attribute.key == "cgroup" || attribute.key == "dscp" ||
                         attribute.key.ends_with("_ns");
    const bool counts = attribute.key.ends_with("_packets") || attribute.key.ends_with("_bytes") ||
                        attribute.key.ends_with("_errors") || attribute.key.ends_with("_dropped") ||
                        attribute.key.ends_with("_per_second");
    if ((changes && by != TrafficBy::dscp) || counts) continue;
    std::string text = attribute.text;
    if (attribute.is_number)
      text = attribute.number.is_missing() ? "" : std::to_string(attribute.number.as_unsigned());
    if (!text.empty()) labels.emplace_back(attribute.key, std::move(text));
  }
  // Two flows of the same ends, one after the other, are two.
  if (by == TrafficBy::flow) labels.emplace_back("id", std::to_string(group.key));
  return labels;
}

}  // namespace

std::vector<record::MetricDescriptor> traffic_metrics() {
  std::vector<record::MetricDescriptor> metrics;
  for (std::size_t i = 0; i < network::kTrafficBys; ++i) {
    const std::string by(network::traffic_by_name(static_cast<TrafficBy>(i)));
    for (const Counter& counter : kCounters) {
      record::MetricDescriptor metric;
      metric.name = fmt::format("traffic_{}_{}", by, counter.name);
      metric.unit = counter.unit;
      metric.kind = record::MetricKind::counter;
      metric.help =
          fmt::format("{} by {}, in {}", counter.title, by,
                      counter.unit == Unit::bytes ? "bytes of frames on the wire" : "packets of the wire");
      metric.title = std::string(counter.title);
      if (counter.unit == Unit::bytes) metric.rate_display = record::RateDisplay::bits_per_second;
      metrics.push_back(std::move(metric));
    }
  }
  const auto single = [&](std::string_view name, record::MetricKind kind, std::string_view help) {
    record::MetricDescriptor metric;
    metric.name = std::string(name);
    metric.kind = kind;
    metric.help = metric.title = std::string(help);
    metrics.push_back(std::move(metric));
  };
  single(kTrafficMethodMetric, record::MetricKind::gauge,
         "how it was counted: 0 eBPF, 1 packet ring, 2 counters");
  single(kTrafficUnaccountedMetric, record::MetricKind::gauge, "packets that were not accounted for");
  single(kTrafficOtherMetric, record::MetricKind::counter, "packets of flows that had no row");
  return metrics;
}

TrafficSeries::TrafficSeries(record::SeriesTable& table, Extent extent)
    : table_(table), extent_(extent), metrics_(traffic_metrics()) {}

const TrafficSeries::Ids* TrafficSeries::ids_of(const TrafficSnapshot& snapshot, TrafficBy by,
                                                const TrafficGroup& group) {
  auto& known = known_[static_cast<std::size_t>(by)];
  if (const auto found = known.find(group.key); found != known.end()) return &found->second;
  const record::Labels labels = labels_of(snapshot, by, group);
  Ids ids{};
  for (std::size_t i = 0; i < kCounters; ++i) {
    const auto id = table_.intern(metrics_[static_cast<std::size_t>(by) * kCounters + i], labels);
    if (!id) {
      ++left_out_;
      return nullptr;
    }
    ids[i] = *id;
  }
  return &known.emplace(group.key, ids).first->second;
}

void TrafficSeries::put_kind(const TrafficSnapshot& snapshot, const network::TrafficRates* rates,
                             TrafficBy by, record::Sample& sample) {
  auto groups = network::traffic_groups(snapshot, rates, by);
  // Who follows the series for long wants them all from the start, those that are still 0 too.
  for (std::size_t i = 0; extent_ == Extent::few && i < fixed_rows(by); ++i)
    if (std::none_of(groups.begin(), groups.end(),
                     [i](const TrafficGroup& group) { return group.index == i; }))
      groups.push_back({i, i, {}, {}});
  if (is_long(by) && groups.size() > kLargest) {
    network::sort_groups(groups, network::TrafficSort::bytes_rate, kLargest);
    groups.resize(kLargest);
  }
  for (const TrafficGroup& group : groups) {
    const Ids* ids = ids_of(snapshot, by, group);
    if (ids == nullptr) continue;
    const network::TwoWay& traffic = group.traffic;
    const std::array<std::uint64_t, kCounters> values = {traffic.in.bytes, traffic.out.bytes,
                                                         traffic.in.packets, traffic.out.packets};
    for (std::size_t i = 0; i < kCounters; ++i) sample.points.push_back({(*ids)[i], Value::of(values[i])});
  }
}

// One of the metrics without labels, behind those of the kinds.
void TrafficSeries::put_single(std::size_t which, const Value& value, record::Sample& sample) {
  if (const auto id = table_.intern(metrics_[network::kTrafficBys * kCounters + which]))
    sample.points.push_back({*id, value});
}

void TrafficSeries::put(const TrafficSnapshot& snapshot, const network::TrafficRates* rates,
                        record::Sample& sample) {
  for (std::size_t i = 0; i < network::kTrafficBys; ++i) {
    const auto by = static_cast<TrafficBy>(i);
    if (extent_ == Extent::all || !is_long(by)) put_kind(snapshot, rates, by, sample);
  }
  const auto unaccounted = unaccounted_packets(snapshot);
  put_single(0, Value::of(static_cast<std::uint64_t>(snapshot.method)), sample);
  put_single(1, unaccounted ? Value::of(*unaccounted) : Value(), sample);
  put_single(2, Value::of(other_packets(snapshot)), sample);
  sample.sort();
}

Result<std::unique_ptr<TrafficRecorder>> TrafficRecorder::create(const std::string& path,
                                                                 const record::RecordingInfo& info) {
  std::unique_ptr<TrafficRecorder> recorder(new TrafficRecorder());
  auto made = record::Recorder::create(path, info, recorder->table_);
  if (!made) return tl::make_unexpected(std::move(made.error()));
  recorder->recorder_ = std::move(*made);
  return recorder;
}

void TrafficRecorder::add(const TrafficSnapshot& snapshot, const network::TrafficRates* rates) {
  sample_.points.clear();
  sample_.time = snapshot.time;
  series_.put(snapshot, rates, sample_);
  recorder_->append(sample_);
}

Result<std::unique_ptr<TrafficProbe>> TrafficProbe::open(const network::TrafficOptions& options, Clock& clock,
                                                         record::SeriesTable& table) {
  auto source = network::TrafficSource::open(options, clock);
  if (!source) return tl::make_unexpected(std::move(source.error()));
  return std::unique_ptr<TrafficProbe>(new TrafficProbe(std::move(*source), table));
}

void TrafficProbe::collect(record::Sample& sample) {
  error_.reset();
  if (auto read = source_->read(snapshot_); !read) {
    error_ = std::move(read.error());
    return;
  }
  series_.put(snapshot_, nullptr, sample);
}

}  // namespace isotach::command
