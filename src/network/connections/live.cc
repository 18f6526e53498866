#include "network/connections/live.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"

namespace isotach::network {
namespace {

// A counter that went back belongs to another socket.
std::uint64_t difference(std::uint64_t now, std::uint64_t before) {
  return now >= before ? now - before : 0;
}

std::string milliseconds(std::uint64_t us) {
  return format_duration_ns(static_cast<double>(us) * 1000);
}

void decide(LiveConnection& one, Limit limit, double share, std::string why) {
  one.limit = limit;
  one.limit_share = share;
  one.why = std::move(why);
}

// Neither the application, nor the windows of both sides: what the network makes of it.
void judge_network(LiveConnection& one, double share) {
  const kernel::SocketTcp& tcp = *one.socket.tcp;
  // As in limits.cc: a queue stands where the round trip is longer by a quarter and half a millisecond.
  constexpr std::uint64_t kQueuedUs = 500;
  // The kernel counts the buffer as the limit only while nothing in it is left to send. A writer is woken
  // when a third is free.
  const bool full = one.socket.send_buffer > 0 && std::uint64_t{one.socket.send_buffer_used} * 3 >=
                                                      std::uint64_t{one.socket.send_buffer} * 2;
  if (full && tcp.in_flight_segments * 2 < tcp.window_segments && !tcp.in_loss && one.retransmitted == 0)
    return decide(one, Limit::send_buffer, share,
                  fmt::format("the send buffer is full, with {} of {} segments in flight",
                              tcp.in_flight_segments, tcp.window_segments));
  const bool queued =
      tcp.least_rtt_us > 0 && tcp.rtt_us > tcp.least_rtt_us + tcp.least_rtt_us / 4 + kQueuedUs;
  if (tcp.in_loss || one.retransmitted > 0)
    return decide(one, Limit::loss, share,
                  one.retransmitted > 0 ? fmt::format("{} segments sent again", one.retransmitted)
                                        : std::string("a loss is being made good"));
  if (queued)
    return decide(
        one, Limit::path_capacity, share,
        fmt::format("round trip {} instead of {}", milliseconds(tcp.rtt_us), milliseconds(tcp.least_rtt_us)));
  constexpr std::uint32_t kNoThreshold = 0x7fff'ffff;
  if (tcp.threshold_segments >= kNoThreshold || tcp.window_segments < tcp.threshold_segments)
    return decide(one, Limit::slow_start, share, fmt::format("window of {} segments", tcp.window_segments));
  decide(one, Limit::congestion_window, share,
         fmt::format("window of {} segments, {} in flight", tcp.window_segments, tcp.in_flight_segments));
}

}  // namespace

void judge_live(LiveConnection& one, std::uint64_t span_us, std::uint64_t busy_us, std::uint64_t window_us,
                std::uint64_t buffer_us) {
  one.limit.reset();
  one.why.clear();
  one.limit_share = 0;
  if (!one.socket.tcp || span_us == 0) return;
  // It neither sent nor waits to.
  if (busy_us == 0 && one.sent_rate == 0 && one.socket.send_queue == 0) return;
  busy_us = std::min(busy_us, span_us);
  window_us = std::min(window_us, busy_us);
  buffer_us = std::min(buffer_us, busy_us - window_us);
  const auto share = [span_us](std::uint64_t us) {
    return static_cast<double>(us) / static_cast<double>(span_us);
  };
  const std::uint64_t idle_us = span_us - busy_us;
  const std::uint64_t network_us = busy_us - window_us - buffer_us;
  const std::uint64_t most = std::max({idle_us, window_us, buffer_us, network_us});
  if (most == idle_us) return decide(one, Limit::sender_application, share(idle_us), "nothing to send");
  if (most == window_us) {
    const std::string window = format_bytes(one.socket.tcp->peer_window);
    // Who leaves no room for a segment does not read.
    const bool shut = one.socket.tcp->peer_window < one.socket.tcp->mss;
    return decide(one, shut ? Limit::receiver_application : Limit::receiver_window, share(window_us),
                  shut ? "its window is shut" : "its window of " + window + " is full");
  }
  if (most == buffer_us) return decide(one, Limit::send_buffer, share(buffer_us), "the send buffer is full");
  judge_network(one, share(network_us));
}

void LiveConnections::update(const std::vector<kernel::SocketEntry>& sockets, std::int64_t now_ns) {
  ++updates_;
  const double seconds = static_cast<double>(now_ns - before_ns_) / 1e9;
  all_.clear();
  for (const kernel::SocketEntry& socket : sockets) {
    if (socket.state == kernel::kTcpListening) continue;
    if (!socket.tcp) {
      all_.emplace_back().socket = socket;
      continue;
    }
    const kernel::SocketTcp& tcp = *socket.tcp;
    Before& before = before_[socket.cookie];
    if (before.update == updates_) continue;  // a walk that was held up comes by some twice
    LiveConnection& one = all_.emplace_back();
    one.socket = socket;
    if (updates_ > 1 && seconds > 0) {
      one.sent_rate = static_cast<double>(difference(tcp.bytes_out, before.acknowledged)) / seconds;
      one.received_rate = static_cast<double>(difference(tcp.bytes_in, before.received)) / seconds;
      one.retransmitted = difference(tcp.retransmits, before.retransmitted);
      judge_live(one, static_cast<std::uint64_t>(seconds * 1e6), difference(tcp.busy_us, before.busy_us),
                 difference(tcp.window_limited_us, before.window_us),
                 difference(tcp.buffer_limited_us, before.buffer_us));
    } else {
      // Since the beginning; how long ago that was the kernel does not say.
      judge_live(one, tcp.busy_us, tcp.busy_us, tcp.window_limited_us, tcp.buffer_limited_us);
    }
    before = {tcp.bytes_out,         tcp.bytes_in,          tcp.retransmits, tcp.busy_us,
              tcp.window_limited_us, tcp.buffer_limited_us, updates_};
  }
  // Forgets those that are gone, now and then.
  if (before_.size() > 2 * all_.size() + 64)
    std::erase_if(before_, [this](const auto& entry) { return entry.second.update != updates_; });
  before_ns_ = now_ns;
}

}  // namespace isotach::network
