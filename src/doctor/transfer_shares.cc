// What the time of a transfer went into, interval by interval.
#include <algorithm>
#include <array>
#include <utility>

#include "doctor/transfer.h"
#include "doctor/transfer_ends.h"
#include "doctor/transfer_rules.h"
#include "doctor/transfer_thresholds.h"

namespace isotach::doctor {
namespace {

using kernel::Activity;
using kernel::SocketDetail;
using network::TransferMoment;
using network::TransferTrace;

double part_of(std::uint64_t now, std::uint64_t before, double whole) {
  if (now < before || whole <= 0) return 0;
  return std::min(1.0, static_cast<double>(now - before) / whole);
}

bool window_is_full(const SocketDetail& sender) {
  return sender.send_window_bytes > 0 &&
         (std::uint64_t{sender.unacked_segments} + 1) * sender.mss >= sender.send_window_bytes;
}

// An interval with so much of it held is one of them.
constexpr double kMostly = 0.5;
constexpr std::size_t kMomentsToJudge = 12;
constexpr double kNearlyAll = 0.9;

class Sharing : private TransferEnds {
 public:
  Sharing(const TransferTrace& trace, const TransferFacts& facts, const PathFacts& path)
      : TransferEnds(trace.sends()), facts_(facts), path_(path), moments_(trace.moments) {}

  std::vector<CauseShare> take() {
    double whole = 0;
    for (std::size_t i = 1; i < moments_.size(); ++i) {
      const auto length = static_cast<double>(moments_[i].time_ns - moments_[i - 1].time_ns);
      if (length <= 0) continue;
      whole += length;
      interval_ = i;
      take_interval(moments_[i - 1], moments_[i], length);
    }
    if (held_time_ > 0) add(held_cause(), held_time_);
    std::vector<CauseShare> shares;
    for (std::size_t i = 0; i < kCauses; ++i)
      if (whole > 0 && times_[i] > 0) shares.push_back({static_cast<Cause>(i), times_[i] / whole});
    std::stable_sort(shares.begin(), shares.end(),
                     [](const CauseShare& a, const CauseShare& b) { return a.share > b.share; });
    return shares;
  }

 private:
  void add(Cause cause, double time) {
    if (time > 0) times_[static_cast<std::size_t>(cause)] += time;
  }

  void take_interval(const TransferMoment& before, const TransferMoment& now, double length) {
    const SocketDetail* then = sender(before);
    const SocketDetail* end = sender(now);
    if (then == nullptr || end == nullptr) return take_receiver_only(now, length);
    const double us = length / 1e3;
    const double busy = part_of(end->busy_us, then->busy_us, us);
    double window = std::min(busy, part_of(end->window_limited_us, then->window_limited_us, us));
    // The kernel's account misses it where bbr paces below the window.
    if (window_is_full(*then) && window_is_full(*end)) window = busy;
    // A receiver that lets its queue stand holds the sender, whatever is counted as such: it answers late,
    // too, and the congestion window is full until it does.
    if (reads_late(now) &&
        (facts_.window_limited >= kWindowLimitedSome || facts_.receive_queue >= kReceiveQueueStands))
      window = busy;
    // Seen from the sender alone, such a queue takes away from the window.
    widest_ = std::max(widest_, static_cast<double>(end->send_window_bytes));
    const bool shrunk = receiver(now) == nullptr && end->send_window_bytes < widest_ / 2;
    if (shrunk && facts_.window_shrunk >= kWindowOftenShrunk && facts_.window_limited >= kWindowLimitedLittle)
      window = busy;
    // Between two openings of the window neither the window nor the congestion window is full.
    const bool room = end->unacked_segments < kFlightHeldBack * end->cwnd_segments;
    if (room && facts_.window_limited >= kWindowLimitedSome && end->notsent_bytes > 0) window = busy;
    const double rest = busy - window;
    const bool held = sender_is_held(now, *end);
    add(sender_cause(before, now), length * (1 - busy));
    add(receiver_cause(now), length * window);
    if (!held) return add(sender_cause(before, now), length * rest);
    held_time_ += length * rest;
    if (rest > kMostly) held_at_.push_back(interval_);
  }

  // The sender's thread would go on if the kernel took more.
  [[nodiscard]] bool sender_is_held(const TransferMoment& now, const SocketDetail& sender) const {
    const double filled =
        sender.send_buffer > 0 ? static_cast<double>(sender.send_memory) / sender.send_buffer : 0;
    switch (sender_activity(now)) {
      case Activity::socket_write:
        return true;
      case Activity::unknown:
        // Nothing waits, and there would be room.
        return !(sender.notsent_bytes == 0 && (filled < kBufferWritable || sender.app_limited)) ||
               filled >= kBufferFull;
      case Activity::running:
        return sender.notsent_bytes > 0 || filled >= kBufferFull;
      case Activity::readiness:
      case Activity::socket_read:
        // A server that has given away all of an answer waits for the next question meanwhile.
        return filled >= kBufferWritable || sender.notsent_bytes > 0;
      default:
        // It does something else, and would write later even if all had been sent.
        return filled >= kBufferWritable;
    }
  }

  // The sender's side, when it is not held.
  [[nodiscard]] Cause sender_cause(const TransferMoment& before, const TransferMoment& now) const {
    switch (sender_activity(now)) {
      case Activity::running:
        return Cause::sender_cpu;
      case Activity::disk:
        return Cause::sender_disk;
      case Activity::socket_read:
        return Cause::sender_waits;
      case Activity::readiness: {
        const SocketDetail* then = sender(before);
        const SocketDetail* end = sender(now);
        return end->bytes_received > then->bytes_received ? Cause::sender_waits : Cause::sender_application;
      }
      default:
        return Cause::sender_application;
    }
  }

  [[nodiscard]] bool reads_late(const TransferMoment& now) const {
    const SocketDetail* socket = receiver(now);
    if (socket == nullptr || socket->receive_buffer == 0) return false;
    return static_cast<double>(socket->receive_queue) / socket->receive_buffer > kReceiveQueueStands;
  }

  // Round trips that are long though the window leaves no queue to stand in: the receiver does not read.
  [[nodiscard]] bool answers_late() const {
    const double late_ms = facts_.rtt_ms - facts_.min_rtt_ms;
    const double least_carries = facts_.rate_bps / 8 * facts_.min_rtt_ms / 1e3;
    return facts_.queue_p25 >= kWindowAnsweredLate && late_ms >= kWindowAnsweredLateMs &&
           least_carries < kWindowFilled * facts_.window_bytes;
  }

  [[nodiscard]] Cause receiver_cause(const TransferMoment& now) const {
    if (receiver(now) == nullptr) {
      const bool steady = facts_.window_spread >= kWindowSteady && facts_.window_bytes >= 2 * facts_.mss;
      return steady && !answers_late() ? Cause::receive_window : Cause::receiver_application;
    }
    const bool memory_full =
        facts_.receive_memory_p90 > kReceiveMemoryFull && facts_.receiver_does(Activity::socket_read) < 0.5;
    const bool late = reads_late(now) || memory_full || facts_.receive_queue > kReceiveQueueStands;
    // Its thread runs all the time: though its queue is empty now, it has no time for more.
    const bool computes = facts_.receiver_does(Activity::running) >= kThreadAlways;
    if (!late) return computes ? Cause::receiver_cpu : Cause::receive_window;
    switch (receiver_activity(now)) {
      case Activity::running:
        return Cause::receiver_cpu;
      case Activity::disk:
        return Cause::receiver_disk;
      default:
        return Cause::receiver_application;
    }
  }

  // Where something else took a part of the time, the longest stretch without it is judged by itself: round
  // trips and rates of the one would be those of the other.
  [[nodiscard]] Cause held_cause() const {
    const auto [first, last] = longest_held();
    const std::size_t moments = last - first + 1;
    if (moments < kMomentsToJudge ||
        static_cast<double>(moments) >= kNearlyAll * static_cast<double>(moments_.size()))
      return judge_held(facts_, path_);
    TransferTrace stretch;
    stretch.moments.assign(moments_.begin() + static_cast<std::ptrdiff_t>(first),
                           moments_.begin() + static_cast<std::ptrdiff_t>(last) + 1);
    return judge_held(facts_of(stretch), path_);
  }

  // The moments between which the sender was held all the time; a single interval in between may be missing.
  [[nodiscard]] std::pair<std::size_t, std::size_t> longest_held() const {
    std::pair<std::size_t, std::size_t> longest = {0, 0};
    std::size_t begin = 0;
    for (std::size_t i = 0; i < held_at_.size(); ++i) {
      if (i > 0 && held_at_[i] > held_at_[i - 1] + 2) begin = i;
      if (held_at_[i] - held_at_[begin] + 1 > longest.second - longest.first)
        longest = {held_at_[begin] - 1, held_at_[i]};
    }
    return longest;
  }

  // Only the end that receives was seen.
  void take_receiver_only(const TransferMoment& now, double length) {
    if (reads_late(now)) {
      const Activity activity = receiver_activity(now);
      add(activity == Activity::running ? Cause::receiver_cpu
          : activity == Activity::disk  ? Cause::receiver_disk
                                        : Cause::receiver_application,
          length);
      return;
    }
    const double possible_bps =
        facts_.min_rtt_ms > 0 ? facts_.window_bytes * 8 / (facts_.min_rtt_ms / 1e3) : 0;
    const bool filled = possible_bps > 0 && facts_.rate_bps >= kWindowUsed * possible_bps;
    add(filled ? Cause::receive_window : Cause::unknown, length);
  }

  const TransferFacts& facts_;
  const PathFacts& path_;
  const std::vector<TransferMoment>& moments_;
  std::array<double, kCauses> times_{};
  std::size_t interval_ = 0;
  double held_time_ = 0;
  double widest_ = 0;                 // window so far
  std::vector<std::size_t> held_at_;  // intervals; that with number i ends at moment i
};

}  // namespace

std::vector<CauseShare> shares_of(const network::TransferTrace& trace, const TransferFacts& facts,
                                  const PathFacts& path) {
  return Sharing(trace, facts, path).take();
}

}  // namespace isotach::doctor
