#include "command/nettest/series.h"

#include <utility>

namespace isotach::command {
namespace {

using nettest::IntervalReport;
using nettest::StreamInterval;
using nettest::TestFacts;
using nettest::Transaction;
using record::MetricKind;

enum Metric : std::size_t {
  kBytes,
  kRetransmits,
  kCwnd,
  kRtt,
  kPackets,
  kLost,
  kOutOfOrder,
  kDuplicates,
  kBufferDrops,
  kJitter,
  kTransactions,
  kLatency,
};

std::uint64_t grown(std::uint64_t before, std::int64_t growth) {
  // A late datagram takes back a loss of the interval before; a counter does not go back.
  return growth > 0 ? before + static_cast<std::uint64_t>(growth) : before;
}

}  // namespace

std::vector<record::MetricDescriptor> nettest_metrics() {
  std::vector<record::MetricDescriptor> metrics;
  const auto add = [&metrics](const char* name, Unit unit, MetricKind kind, const char* title,
                              const char* help) {
    record::MetricDescriptor metric;
    metric.name = name;
    metric.unit = unit;
    metric.kind = kind;
    metric.title = title;
    metric.help = help;
    metrics.push_back(std::move(metric));
  };
  add("nettest_bytes", Unit::bytes, MetricKind::counter, "rate", "data of a stream of the test");
  metrics.back().rate_display = record::RateDisplay::bits_per_second;
  add("nettest_retransmits", Unit::count, MetricKind::counter, "resent",
      "segments of TCP that were sent again");
  add("nettest_cwnd_bytes", Unit::bytes, MetricKind::gauge, "cwnd", "congestion window");
  add("nettest_rtt_seconds", Unit::seconds, MetricKind::gauge, "RTT", "round-trip time as TCP smooths it");
  metrics.back().scale = 1e-6;
  add("nettest_datagrams", Unit::count, MetricKind::counter, "datagrams",
      "datagrams that were sent or expected");
  add("nettest_lost_datagrams", Unit::count, MetricKind::counter, "lost", "datagrams that did not come");
  add("nettest_late_datagrams", Unit::count, MetricKind::counter, "late",
      "datagrams that came after later ones");
  add("nettest_duplicate_datagrams", Unit::count, MetricKind::counter, "twice", "datagrams that came again");
  add("nettest_buffer_drops", Unit::count, MetricKind::counter, "buffer full",
      "datagrams that found the receive buffer full");
  add("nettest_jitter_seconds", Unit::seconds, MetricKind::gauge, "jitter",
      "variation of the transit time (RFC 3550)");
  add("nettest_transactions", Unit::count, MetricKind::counter, "transactions",
      "transactions that were completed");
  add("nettest_latency_seconds", Unit::seconds, MetricKind::gauge, "latency",
      "mean latency of the transactions");
  metrics.back().scale = 1e-9;
  return metrics;
}

std::vector<std::string> nettest_plot_metrics(const TestFacts& facts) {
  if (facts.parameters.transaction != Transaction::none) return {"nettest_transactions*", "nettest_latency*"};
  if (facts.parameters.udp) return {"nettest_bytes*", "nettest_lost*", "nettest_jitter*"};
  return {"nettest_bytes*", "nettest_rtt*"};
}

void NettestSeries::put(record::Sample& sample, std::size_t metric, const record::Labels& labels,
                        const Value& value) {
  if (const auto id = table_.intern(metrics_[metric], labels)) sample.points.push_back({*id, value});
}

record::Sample NettestSeries::first(const TestFacts& facts) {
  counters_.assign(facts.streams.size(), {});
  return sample(facts, nullptr, 0);
}

record::Sample NettestSeries::next(const TestFacts& facts, const IntervalReport& report) {
  for (std::size_t i = 0; i < report.streams.size() && i < counters_.size(); ++i) {
    const StreamInterval& stream = report.streams[i];
    Counters& counters = counters_[i];
    counters.bytes += stream.bytes;
    counters.packets += stream.packets;
    counters.lost = grown(counters.lost, stream.lost);
    counters.out_of_order += stream.out_of_order;
    counters.duplicates += stream.duplicates;
    counters.buffer_drops += stream.buffer_drops.value_or(0);
    counters.retransmits += stream.retransmits.value_or(0);
    counters.transactions += stream.transactions;
  }
  return sample(facts, &report, report.end_s);
}

record::Sample NettestSeries::sample(const TestFacts& facts, const IntervalReport* report, double at_s) {
  record::Sample sample;
  const auto at_ns = static_cast<std::int64_t>(at_s * 1e9);
  sample.time = {facts.start.monotonic_ns + at_ns, facts.start.wall_ns + at_ns};
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    const nettest::StreamFacts& stream = facts.streams[i];
    const Counters& counters = counters_[i];
    const record::Labels labels = {{"direction", stream.sender ? "sent" : "received"},
                                   {"stream", std::to_string(stream.id)}};
    const auto count = [&](Metric metric, std::uint64_t value) {
      put(sample, metric, labels, Value::of(value));
    };
    const StreamInterval* interval = report == nullptr ? nullptr : &report->streams[i];
    if (facts.parameters.transaction != Transaction::none) {
      count(kTransactions, counters.transactions);
      if (interval != nullptr && interval->mean_latency_ns)
        put(sample, kLatency, labels, Value::of_real(*interval->mean_latency_ns));
      continue;
    }
    count(kBytes, counters.bytes);
    if (facts.parameters.udp) {
      count(kPackets, counters.packets);
      if (stream.sender) continue;
      count(kLost, counters.lost);
      count(kOutOfOrder, counters.out_of_order);
      count(kDuplicates, counters.duplicates);
      count(kBufferDrops, counters.buffer_drops);
      if (interval != nullptr) put(sample, kJitter, labels, Value::of_real(interval->jitter_s));
      continue;
    }
    if (!stream.sender) continue;
    count(kRetransmits, counters.retransmits);
    if (interval == nullptr || !interval->tcp) continue;
    count(kCwnd, interval->tcp->cwnd_bytes);
    count(kRtt, interval->tcp->rtt_us);
  }
  sample.sort();
  return sample;
}

}  // namespace isotach::command
