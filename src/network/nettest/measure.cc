#include "network/nettest/measure.h"

#include <algorithm>

#include "base/counter.h"

namespace isotach::nettest {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

const StreamResult* result_of(const PeerResults* peer, int id) {
  if (peer == nullptr) return nullptr;
  for (const StreamResult& result : peer->streams)
    if (result.id == id) return &result;
  return nullptr;
}

StreamEnd peer_end(const StreamResult& result, bool it_sends) {
  StreamEnd end;
  end.known = true;
  end.seconds = result.end_s - result.start_s;
  end.bytes = result.bytes;
  if (it_sends && result.retransmits >= 0) end.retransmits = static_cast<std::uint64_t>(result.retransmits);
  end.packets = result.packets - std::min(result.packets, result.omitted_packets);
  if (!it_sends) end.lost = result.errors - result.omitted_errors;
  end.jitter_s = result.jitter_s;
  end.out_of_order = result.out_of_order;
  end.duplicates = result.duplicates;
  end.buffer_drops = result.buffer_drops;
  return end;
}

}  // namespace

void HostCpu::begin() {
  kernel::CpuReading reading;
  if (reader_.read(reading)) before_ = reading.all;
}

std::optional<double> HostCpu::busy() {
  kernel::CpuReading reading;
  if (!before_ || !reader_.read(reading)) return std::nullopt;
  using kernel::CpuField;
  double total = 0;
  double idle = 0;
  // guest and guest_nice are contained in user and nice.
  for (std::size_t i = 0; i <= static_cast<std::size_t>(CpuField::steal); ++i) {
    const auto field = static_cast<CpuField>(i);
    const auto ticks =
        static_cast<double>(counter_growth(before_->number(field), reading.all.number(field)).value_or(0));
    total += ticks;
    if (field == CpuField::idle || field == CpuField::iowait) idle += ticks;
  }
  if (total <= 0) return std::nullopt;
  return 1 - idle / total;
}

StreamSample Measurement::sample(std::size_t stream, std::int64_t now_ns) const {
  const Transfer& transfer = *workers_.transfers()[stream];
  const TransferCounters& counters = transfer.counters();
  StreamSample sample;
  sample.time_ns = now_ns;
  sample.bytes = counters.bytes.load(kRelaxed);
  sample.packets = counters.packets.load(kRelaxed);
  sample.highest = counters.highest.load(kRelaxed);
  sample.lost = counters.lost.load(kRelaxed);
  sample.out_of_order = counters.out_of_order.load(kRelaxed);
  sample.duplicates = counters.duplicates.load(kRelaxed);
  sample.jitter_s = static_cast<double>(counters.jitter_ns.load(kRelaxed)) / 1e9;
  sample.calls = counters.calls.load(kRelaxed);
  sample.transactions = counters.transactions.load(kRelaxed);
  sample.latency_sum_ns = counters.latency_sum_ns.load(kRelaxed);
  sample.late = counters.late.load(kRelaxed);
  sample.skipped = counters.skipped.load(kRelaxed);
  sample.last_ns = counters.last_ns.load(kRelaxed);
  if (streams_[stream].sender) {
    sample.tcp = kernel::read_tcp_info(transfer.fd());
  } else {
    sample.buffer_drops = kernel::buffer_drops_of(transfer.fd());
  }
  return sample;
}

std::vector<StreamSample> Measurement::all(std::int64_t now_ns) const {
  std::vector<StreamSample> samples;
  for (std::size_t i = 0; i < streams_.size(); ++i) samples.push_back(sample(i, now_ns));
  return samples;
}

void Measurement::begin(std::int64_t now_ns) {
  start_ns_ = now_ns;
  counted_from_ns_ = now_ns;
  first_ = all(now_ns);
  last_ = first_;
  extremes_.assign(streams_.size(), {});
}

void Measurement::end_omitted(std::int64_t now_ns) {
  counted_from_ns_ = now_ns;
  first_ = all(now_ns);
  last_ = first_;
  extremes_.assign(streams_.size(), {});
}

void Measurement::end(std::int64_t now_ns) {
  end_ns_ = now_ns;
}

IntervalReport Measurement::cut(std::int64_t now_ns, bool omitted) {
  IntervalReport report;
  report.start_s = static_cast<double>(last_.front().time_ns - start_ns_) / 1e9;
  report.end_s = static_cast<double>(now_ns - start_ns_) / 1e9;
  report.omitted = omitted;
  std::vector<StreamSample> now = all(now_ns);
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    report.streams.push_back(interval_between(last_[i], now[i], streams_[i].sender));
    report.streams.back().moved_by = workers_.transfers()[i]->moved_by();
    if (!now[i].tcp) continue;
    Extremes& extremes = extremes_[i];
    const kernel::TcpInfo& tcp = *now[i].tcp;
    extremes.cwnd_bytes = std::max(extremes.cwnd_bytes, tcp.cwnd_bytes);
    extremes.peer_window_bytes = std::max(extremes.peer_window_bytes, tcp.peer_window_bytes);
    extremes.largest_rtt_us = std::max(extremes.largest_rtt_us, tcp.rtt_us);
    if (extremes.count == 0 || tcp.rtt_us < extremes.smallest_rtt_us) extremes.smallest_rtt_us = tcp.rtt_us;
    extremes.rtt_sum_us += tcp.rtt_us;
    ++extremes.count;
  }
  last_ = std::move(now);
  return report;
}

std::uint64_t Measurement::bytes_of(std::size_t stream) const {
  return workers_.transfers()[stream]->counters().bytes.load(kRelaxed) - first_[stream].bytes;
}

std::uint64_t Measurement::bytes_received() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < streams_.size(); ++i)
    if (!streams_[i].sender) sum += bytes_of(i);
  return sum;
}

double Measurement::seconds() const {
  return static_cast<double>(end_ns_ - counted_from_ns_) / 1e9;
}

StreamEnd Measurement::our_end(std::size_t stream, const StreamResult* peer) const {
  const StreamSample now = sample(stream, end_ns_);
  const StreamSample& first = first_[stream];
  const bool sender = streams_[stream].sender;
  const StreamInterval whole = interval_between(first, now, sender);
  StreamEnd end;
  end.known = true;
  end.bytes = whole.bytes;
  end.packets = whole.packets;
  end.retransmits = whole.retransmits;
  // What was in flight at the end of the test still counts, and so does the time that it took.
  end.seconds = static_cast<double>(sender ? end_ns_ - counted_from_ns_
                                           : std::max(end_ns_, now.last_ns) - counted_from_ns_) /
                1e9;
  if (sender) return end;
  end.lost = whole.lost;
  end.jitter_s = whole.jitter_s;
  end.out_of_order = whole.out_of_order;
  end.duplicates = whole.duplicates;
  end.buffer_drops = whole.buffer_drops;
  // Nobody misses the last datagrams by a gap in the numbers: the sender's count tells of them.
  if (peer != nullptr && peer->packets > now.highest) {
    const std::uint64_t tail = peer->packets - now.highest;
    end.packets += tail;
    end.lost += static_cast<std::int64_t>(tail);
    // The last ones may have met a full buffer too.
    if (now.buffer_drops)
      end.buffer_drops = dropped_datagrams(*now.buffer_drops - first.buffer_drops.value_or(0),
                                           now.packets - first.packets, now.calls - first.calls, end.lost);
  }
  return end;
}

DataPath Measurement::path(const TestFacts& facts) const {
  DataPath path;
  const TestParameters& parameters = facts.parameters;
  for (const auto& transfer : workers_.transfers())
    path.followed = path.followed || transfer->counters().followed.load(kRelaxed);
  if (parameters.transaction != Transaction::none) return path;
  double copied = 0;
  int senders = 0;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    const Transfer& transfer = *workers_.transfers()[i];
    const int tos = transfer.counters().tos.load(kRelaxed);
    if (streams_[i].sender) {
      const Engine* engine = transfer.engine();
      const SendEngine kind = transfer.counters().engine.load(kRelaxed);
      const SendEngine asked = parameters.udp ? SendEngine::send : parameters.engine;
      if (kind != SendEngine::automatic || path.sent_by.empty())
        path.sent_by = name_of(kind != SendEngine::automatic ? kind : asked);
      // Where others were faster with a limited amount, a stream has sent nothing.
      if (engine != nullptr || parameters.udp) {
        copied += engine != nullptr ? engine->copied() : 1;
        ++senders;
      }
    } else {
      path.received_by = parameters.discard && !parameters.udp ? kDiscarded : kReceivedByCopy;
      if (tos >= 0) path.tos_received = tos;
      // IPv4 keeps that of the SYN only, which the client never gets.
      const bool told = facts.peer.is_v6() || facts.host.empty();
      if (!parameters.udp && !path.tos_received && told)
        path.tos_received = kernel::received_type_of_service(transfer.fd(), facts.peer.is_v6());
    }
    if (parameters.udp) continue;
    if (const auto tcp = kernel::read_tcp_info(transfer.fd())) {
      path.ecn = path.ecn || tcp->ecn;
      path.ecn_seen = path.ecn_seen || tcp->ecn_seen;
    }
    path.multipath = path.multipath || kernel::is_multipath(transfer.fd());
  }
  if (senders > 0) path.sent_copied = copied / senders;
  path.cold_buffers = parameters.udp ? 0 : parameters.cold_buffers;
  return path;
}

std::optional<SenderTcp> Measurement::sender_tcp(std::size_t stream) const {
  const Extremes& extremes = extremes_[stream];
  const StreamInterval whole = interval_between(first_[stream], sample(stream, end_ns_), true);
  if (!streams_[stream].sender || extremes.count == 0 || !whole.tcp) return std::nullopt;
  SenderTcp tcp;
  tcp.largest_cwnd_bytes = extremes.cwnd_bytes;
  tcp.largest_peer_window_bytes = extremes.peer_window_bytes;
  tcp.smallest_rtt_us = extremes.smallest_rtt_us;
  tcp.largest_rtt_us = extremes.largest_rtt_us;
  tcp.mean_rtt_us = extremes.rtt_sum_us / extremes.count;
  tcp.busy = whole.busy.value_or(0);
  tcp.window_limited = whole.window_limited.value_or(0);
  tcp.buffer_limited = whole.buffer_limited.value_or(0);
  return tcp;
}

std::vector<StreamTotal> Measurement::totals(const PeerResults* peer) const {
  std::vector<StreamTotal> totals;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    const StreamFacts& facts = streams_[i];
    const StreamResult* result = result_of(peer, facts.id);
    const Transfer& transfer = *workers_.transfers()[i];
    StreamTotal total;
    const StreamEnd ours = our_end(i, result);
    const StreamEnd theirs = result != nullptr ? peer_end(*result, !facts.sender) : StreamEnd{};
    total.sent = facts.sender ? ours : theirs;
    total.received = facts.sender ? theirs : ours;
    const StreamSample now = sample(i, end_ns_);
    total.whole = interval_between(first_[i], now, facts.sender);
    total.calls = now.calls - first_[i].calls;
    total.late = now.late - first_[i].late;
    total.skipped = now.skipped - first_[i].skipped;
    total.unanswered = transfer.unanswered();
    total.pieces_a_burst = transfer.pieces_a_burst();
    total.tos_received = transfer.counters().tos.load(kRelaxed);
    if (facts.sender) {
      total.tcp = sender_tcp(i);
    } else if (result != nullptr) {
      total.tcp = result->tcp;
    }
    totals.push_back(std::move(total));
  }
  return totals;
}

std::vector<StreamResult> Measurement::results(const PeerResults* peer) const {
  std::vector<StreamResult> results;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    const StreamFacts& facts = streams_[i];
    const StreamEnd end = our_end(i, result_of(peer, facts.id));
    const StreamSample& first = first_[i];
    StreamResult result;
    result.id = facts.id;
    result.bytes = end.bytes;
    if (end.retransmits) result.retransmits = static_cast<std::int64_t>(*end.retransmits);
    result.jitter_s = end.jitter_s;
    // iperf3 counts packets and errors with the omitted ones, and tells those beside.
    result.omitted_packets = facts.sender ? first.packets : first.highest;
    result.omitted_errors = static_cast<std::int64_t>(first.lost);
    result.packets = end.packets + result.omitted_packets;
    result.errors = end.lost + result.omitted_errors;
    result.end_s = end.seconds;
    result.out_of_order = end.out_of_order;
    result.duplicates = end.duplicates;
    result.buffer_drops = end.buffer_drops;
    result.tcp = sender_tcp(i);
    results.push_back(result);
  }
  return results;
}

}  // namespace isotach::nettest
