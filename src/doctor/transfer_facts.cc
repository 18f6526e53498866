#include <algorithm>
#include <cmath>
#include <vector>

#include "doctor/transfer.h"
#include "doctor/transfer_ends.h"
#include "doctor/transfer_thresholds.h"

namespace isotach::doctor {
namespace {

using kernel::Activity;
using kernel::SocketDetail;
using network::TransferMoment;
using network::TransferTrace;

// Of a connection that begins while it is watched, the first moments are left out: slow start tells of
// itself.
constexpr double kStartS = 1.0;
constexpr std::uint64_t kFreshBytes = std::uint64_t{64} << 10;
constexpr std::size_t kStepsToJudge = 20;

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(std::lround(share * static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

double part(double some, double whole) {
  return whole > 0 ? some / whole : 0;
}

// Growth of a counter of the kernel, which may have begun anew.
template <class Number>
double grown(Number now, Number before) {
  return now >= before ? static_cast<double>(now - before) : 0;
}

class Facts : private TransferEnds {
 public:
  explicit Facts(const TransferTrace& trace) : TransferEnds(trace.sends()), trace_(trace) {}

  TransferFacts take() {
    facts_.sender_seen = we_send() || has_other_end();
    facts_.receiver_seen = !we_send() || has_other_end();
    const std::size_t first = first_moment();
    moments_.assign(trace_.moments.begin() + static_cast<std::ptrdiff_t>(first), trace_.moments.end());
    if (moments_.size() < 2) return facts_;
    facts_.seconds = static_cast<double>(moments_.back().time_ns - moments_.front().time_ns) / 1e9;
    take_activities();
    if (facts_.sender_seen) take_sender();
    if (facts_.receiver_seen) take_receiver();
    return facts_;
  }

 private:
  [[nodiscard]] bool has_other_end() const {
    return std::any_of(trace_.moments.begin(), trace_.moments.end(),
                       [](const TransferMoment& moment) { return moment.theirs.has_value(); });
  }

  [[nodiscard]] std::size_t first_moment() const {
    const auto& all = trace_.moments;
    if (all.empty()) return 0;
    const SocketDetail& begin = all.front().ours;
    if (begin.bytes_acked + begin.bytes_received > kFreshBytes) return 0;
    std::size_t first = 0;
    const double limit_s = std::min(kStartS, trace_.seconds() / 3);
    while (first + 2 < all.size() &&
           static_cast<double>(all[first].time_ns - all.front().time_ns) < limit_s * 1e9)
      ++first;
    return first;
  }

  void take_activities() {
    double senders = 0;
    double receivers = 0;
    for (const TransferMoment& moment : moments_) {
      if (sender_activity(moment) != Activity::unknown) {
        ++senders;
        ++facts_.sender[static_cast<std::size_t>(sender_activity(moment))];
      }
      if (receiver_activity(moment) != Activity::unknown) {
        ++receivers;
        ++facts_.receiver[static_cast<std::size_t>(receiver_activity(moment))];
      }
    }
    for (double& one : facts_.sender) one = part(one, senders);
    for (double& one : facts_.receiver) one = part(one, receivers);
    const auto enough = static_cast<double>(moments_.size()) / 2;
    facts_.sender_thread_seen = senders >= enough;
    facts_.receiver_thread_seen = receivers >= enough;
  }

  void take_sender() {
    std::vector<const SocketDetail*> seen;
    for (const TransferMoment& moment : moments_)
      if (const SocketDetail* one = sender(moment)) seen.push_back(one);
    if (seen.size() < 2) return;
    take_account(*seen.front(), *seen.back());
    take_moments(seen);
    take_losses(seen);
    take_unevenness();
  }

  void take_account(const SocketDetail& first, const SocketDetail& last) {
    const double us = facts_.seconds * 1e6;
    facts_.busy = std::min(1.0, part(grown(last.busy_us, first.busy_us), us));
    facts_.window_limited = std::min(1.0, part(grown(last.window_limited_us, first.window_limited_us), us));
    facts_.buffer_limited = std::min(1.0, part(grown(last.buffer_limited_us, first.buffer_limited_us), us));
    facts_.delivered_bytes = grown(last.bytes_acked, first.bytes_acked);
    facts_.sent_bytes = grown(last.bytes_sent, first.bytes_sent);
    facts_.rate_bps = part(facts_.delivered_bytes * 8, facts_.seconds);
    facts_.retransmitted = part(grown(last.bytes_retrans, first.bytes_retrans), facts_.sent_bytes);
    facts_.reordered = grown(last.reord_seen, first.reord_seen);
    facts_.dsack_share =
        part(grown(last.dsack_dups, first.dsack_dups), grown(last.total_retrans, first.total_retrans));
    facts_.timeouts = grown(last.timeouts, first.timeouts);
    facts_.backoff = last.backoff;
    facts_.mss = last.mss;
    facts_.window_scaling = last.window_scaling;
    facts_.congestion_control = last.congestion_control;
    facts_.paced_by_bbr = last.congestion_control.starts_with("bbr");
    facts_.min_rtt_ms = last.min_rtt_us / 1e3;
  }

  void take_moments(const std::vector<const SocketDetail*>& seen) {
    std::vector<double> rtt, rates, memory, windows, flights, pacing;
    double cwnd_full = 0, window_full = 0, nothing_unsent = 0, app_limited = 0, shrunk = 0, widest = 0;
    for (const SocketDetail* one : seen) {
      const double flight = one->unacked_segments + one->retrans_segments;
      rtt.push_back(one->rtt_us / 1e3);
      if (one->delivery_rate > 0 && !one->app_limited)
        rates.push_back(static_cast<double>(one->delivery_rate));
      memory.push_back(part(one->send_memory, one->send_buffer));
      windows.push_back(one->send_window_bytes);
      widest = std::max(widest, windows.back());
      shrunk += windows.back() < widest / 2 ? 1 : 0;
      flights.push_back(part(one->unacked_segments, std::max<std::uint32_t>(1, one->cwnd_segments)));
      cwnd_full += flight + 2 >= one->cwnd_segments ? 1 : 0;
      window_full +=
          one->send_window_bytes > 0 && (one->unacked_segments + 1.0) * one->mss >= one->send_window_bytes
              ? 1
              : 0;
      nothing_unsent += one->notsent_bytes == 0 ? 1 : 0;
      app_limited += one->app_limited ? 1 : 0;
    }
    const auto count = static_cast<double>(seen.size());
    facts_.cwnd_full = cwnd_full / count;
    facts_.window_full = window_full / count;
    facts_.nothing_unsent = nothing_unsent / count;
    facts_.app_limited = app_limited / count;
    facts_.rtt_ms = quantile(rtt, 0.5);
    facts_.queue = queue_of(facts_.rtt_ms);
    facts_.queue_p25 = queue_of(quantile(rtt, 0.25));
    const double middle = quantile(rates, 0.5);
    facts_.rate_spread = middle > 0 ? quantile(rates, 0.9) / middle : 1;
    facts_.send_memory = quantile(memory, 0.5);
    facts_.window_bytes = quantile(windows, 0.5);
    facts_.window_shrunk = shrunk / count;
    facts_.window_spread = part(quantile(windows, 0.1), quantile(windows, 0.9));
    facts_.unacked_of_cwnd = quantile(flights, 0.5);
    const double limit = static_cast<double>(seen.back()->max_pacing_rate);
    facts_.pacing_of_limit = limit > 0 && limit < 1e15 ? facts_.rate_bps / 8 / limit : 0;
  }

  [[nodiscard]] double queue_of(double rtt_ms) const {
    return facts_.min_rtt_ms > 0 ? std::max(0.0, rtt_ms / facts_.min_rtt_ms - 1) : 0;
  }

  void take_unevenness() {
    std::vector<double> segments;  // for the length of the median interval; below 0: no queue stood
    std::vector<double> lengths;
    for (std::size_t i = 1; i < moments_.size(); ++i)
      lengths.push_back(static_cast<double>(moments_[i].time_ns - moments_[i - 1].time_ns));
    const double length = quantile(lengths, 0.5);
    for (std::size_t i = 1; i < moments_.size(); ++i) {
      const SocketDetail* before = sender(moments_[i - 1]);
      const SocketDetail* now = sender(moments_[i]);
      const bool queued = before != nullptr && now != nullptr && now->rtt_us > 1.2 * now->min_rtt_us &&
                          before->rtt_us > 1.2 * before->min_rtt_us && lengths[i - 1] > 0;
      segments.push_back(queued && now->mss > 0 ? grown(now->bytes_acked, before->bytes_acked) / now->mss *
                                                      length / lengths[i - 1]
                                                : -1);
    }
    // Of neighbours, so that a rate that rises or falls slowly is no unevenness; the median minds no outlier.
    std::vector<double> steps, used;
    for (std::size_t i = 1; i < segments.size(); ++i) {
      if (segments[i] < 0 || segments[i - 1] < 0) continue;
      steps.push_back((segments[i] - segments[i - 1]) * (segments[i] - segments[i - 1]));
      used.push_back(segments[i]);
    }
    if (steps.size() < kStepsToJudge) return;
    // Of a normal distribution the median of squares is 0.455 of the variance; a difference has twice that.
    facts_.unevenness = part(quantile(steps, 0.5) / (2 * 0.455), quantile(used, 0.5));
  }

  void take_losses(const std::vector<const SocketDetail*>& seen) {
    // A queue that drops is full when it does: of the round trips around each loss the longer one.
    std::vector<double> rtt;
    for (std::size_t i = 1; i < seen.size(); ++i)
      if (seen[i]->total_retrans > seen[i - 1]->total_retrans)
        rtt.push_back(std::max(seen[i]->rtt_us, seen[i - 1]->rtt_us) / 1e3);
    facts_.loss_moments = part(static_cast<double>(rtt.size()), static_cast<double>(seen.size() - 1));
    facts_.queue_at_loss = queue_of(quantile(rtt, 0.5));
    take_clumping(*seen.front(), *seen.back(), static_cast<double>(seen.size() - 1));
  }

  // Chance spreads losses over all moments; a policer whose bucket of tokens is empty, or a short queue that
  // is full, drops many packets at a time (compare Flach et al., "An Internet-Wide Analysis of Traffic
  // Policing", 2016).
  void take_clumping(const SocketDetail& first, const SocketDetail& last, double intervals) {
    const double lost = grown(last.total_retrans, first.total_retrans);
    const double sent = grown(last.data_segments_out, first.data_segments_out);
    facts_.losses = lost;
    if (lost < kLossesToJudge || sent <= 0 || facts_.loss_moments <= 0) return;
    const double by_chance = 1 - std::pow(1 - std::min(1.0, lost / sent), sent / intervals);
    facts_.loss_clumping = by_chance / facts_.loss_moments;
  }

  void take_receiver() {
    std::vector<double> queues, memory;
    const SocketDetail* first = nullptr;
    const SocketDetail* last = nullptr;
    for (const TransferMoment& moment : moments_) {
      const SocketDetail* one = receiver(moment);
      if (one == nullptr) continue;
      if (first == nullptr) first = one;
      last = one;
      queues.push_back(part(one->receive_queue, one->receive_buffer));
      memory.push_back(part(one->receive_memory, one->receive_buffer));
    }
    facts_.receive_queue = quantile(queues, 0.5);
    facts_.receive_memory_p90 = quantile(memory, 0.9);
    if (facts_.sender_seen || first == nullptr) return;
    facts_.delivered_bytes = grown(last->bytes_received, first->bytes_received);
    facts_.rate_bps = part(facts_.delivered_bytes * 8, facts_.seconds);
    facts_.min_rtt_ms = last->min_rtt_us / 1e3;
    facts_.rtt_ms = last->rtt_us / 1e3;
    facts_.window_bytes = last->receive_window_bytes;
    facts_.mss = last->mss;
    facts_.congestion_control = last->congestion_control;
  }

  const TransferTrace& trace_;
  std::vector<TransferMoment> moments_;
  TransferFacts facts_;
};

}  // namespace

TransferFacts facts_of(const network::TransferTrace& trace) {
  return Facts(trace).take();
}

}  // namespace isotach::doctor
