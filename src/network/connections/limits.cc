#include "network/connections/limits.h"

#include <algorithm>
#include <numeric>

#include "network/connections/serial_order.h"

namespace isotach::network {
namespace {

constexpr std::int64_t kMillisecondNs = 1'000'000;
constexpr std::int64_t kUnknownRttNs = 4 * kMillisecondNs;
// Longer ones are no round trips.
constexpr std::int64_t kLongestTripNs = 600'000 * kMillisecondNs;
// A sender reacts to an acknowledgement within this part of a round trip, and within these bounds: less
// than the first is the time of its own processor, more than the second is no reaction.
constexpr std::int64_t kPartOfTrip = 4;
constexpr std::int64_t kLeastToleranceNs = 200'000;
constexpr std::int64_t kMostToleranceNs = 10 * kMillisecondNs;
// After this silence a sender begins anew (RFC 5681, 4.1; Linux' shortest timeout).
constexpr std::int64_t kRestartNs = 200 * kMillisecondNs;
// Answers that are on their way to the sender; beyond it the oldest arrive early.
constexpr std::size_t kMostAnswers = 4096;
// A queue stands on the path when the round trip is longer by this much than the shortest.
constexpr double kQueuedFactor = 1.25;
constexpr std::int64_t kQueuedNs = 500'000;
// And then this part of the best rate passes.
constexpr double kFullRate = 0.7;
// In slow start a flight grows by half at least, with delayed acknowledgements.
constexpr double kGrowth = 1.2;
// So many round trips in a row without growth are no accident: without losses the congestion window grows
// by half a segment at least in each.
constexpr std::uint32_t kFlatRounds = 6;
constexpr double kFlatPart = 0.03;
// Linux holds back what would fill less than a third of the window (tcp_tso_should_defer).
constexpr double kDeferredPart = 0.66;

}  // namespace

const char* limit_key(Limit limit) {
  static constexpr const char* kKeys[kLimits] = {"sender_application", "receiver_application",
                                                 "receiver_window",    "send_buffer",
                                                 "congestion_window",  "loss",
                                                 "slow_start",         "path_capacity"};
  return kKeys[static_cast<std::size_t>(limit)];
}

const char* limit_name(Limit limit) {
  static constexpr const char* kNames[kLimits] = {"sender application", "receiver application",
                                                  "receiver window",    "send buffer",
                                                  "congestion window",  "loss",
                                                  "slow start",         "path capacity"};
  return kNames[static_cast<std::size_t>(limit)];
}

std::int64_t LimitShares::span_ns() const {
  return std::accumulate(time_ns.begin(), time_ns.end(), std::int64_t{0});
}

double LimitShares::share(Limit limit) const {
  const std::int64_t span = span_ns();
  return span <= 0
             ? 0
             : static_cast<double>(time_ns[static_cast<std::size_t>(limit)]) / static_cast<double>(span);
}

Limit LimitShares::verdict() const {
  return static_cast<Limit>(std::max_element(time_ns.begin(), time_ns.end()) - time_ns.begin());
}

std::uint64_t LimitAnalysis::in_flight() const {
  return after(next_, acked_) ? next_ - acked_ : 0;
}

// Without both SYNs the scale is not known, and only a window of 0 says something.
bool LimitAnalysis::window_is_full() const {
  if (!has_window_) return false;
  if (window_ == 0) return true;
  return scale_known_ && in_flight() + mss_ > window_;
}

// What the window lacks of its largest is unread data.
bool LimitAnalysis::receiver_lags() const {
  return window_ < mss_ || window_ * 2 < shares_.window_most_bytes;
}

std::uint64_t LimitAnalysis::possible() const {
  return std::max<std::uint64_t>(proven_, 2 * mss_);
}

std::int64_t LimitAnalysis::rtt_ns() const {
  const std::int64_t whole = near_ns_ + far_ns_;
  return whole > 0 ? whole : kUnknownRttNs;
}

std::int64_t LimitAnalysis::tolerance_ns() const {
  return std::clamp(rtt_ns() / kPartOfTrip, kLeastToleranceNs, kMostToleranceNs);
}

void LimitAnalysis::note_near_trip(const Connection& connection, int side, const SeenSegment& segment) {
  if (far_ns_ == 0 && connection.handshake_ns > 0 && connection.handshake_ns < kLongestTripNs) {
    // The times of a capture may go backwards.
    const std::int64_t there =
        std::clamp<std::int64_t>(connection.syn_ack_ns - connection.syn_ns, 0, connection.handshake_ns);
    const std::int64_t back = connection.handshake_ns - there;
    far_ns_ = std::max<std::int64_t>(1, side == 0 ? there : back);
    near_base_ns_ = std::max<std::int64_t>(0, side == 0 ? back : there);
    if (near_count_ == 0) near_ns_ = near_base_ns_;
    shares_.rtt_least_ns = connection.handshake_ns;
  }
  if (!segment.options.has_timestamps || segment.options.echoed_timestamp == last_echoed_) return;
  last_echoed_ = segment.options.echoed_timestamp;
  for (const Echo& echo : echoes_) {
    if (echo.seen_ns == 0 || echo.timestamp != last_echoed_) continue;
    take_near_sample(segment.time_ns - echo.seen_ns, paused_since_ns_ - echo.seen_ns);
    return;
  }
}

// The way took `sample_ns` at most, and `bound_ns` at least: then something was sent that did not know of
// the answer yet. A sender that had nothing to say for a while tells nothing of the way.
void LimitAnalysis::take_near_sample(std::int64_t sample_ns, std::int64_t bound_ns) {
  sample_ns = std::clamp<std::int64_t>(sample_ns, 0, kLongestTripNs);
  const bool is_close = bound_ns * 2 >= sample_ns;
  const bool is_first = near_base_ns_ < 0;
  if (is_first || sample_ns < near_base_ns_) near_base_ns_ = sample_ns;
  if (!is_close && !is_first && sample_ns > 2 * near_base_ns_ + kMillisecondNs) return;
  near_[near_count_++ % near_.size()] = sample_ns;
  const auto known = static_cast<std::ptrdiff_t>(std::min(near_count_, near_.size()));
  near_ns_ = *std::min_element(near_.begin(), near_.begin() + known);
}

void LimitAnalysis::answered(const SeenSegment& segment, const SegmentVerdict& verdict) {
  if (!segment.head.has(kTcpAck) || segment.head.has(kTcpRst)) return;
  if (segment.options.has_timestamps) {
    const Echo& last = echoes_[(next_echo_ + echoes_.size() - 1) % echoes_.size()];
    if (last.seen_ns == 0 || last.timestamp != segment.options.timestamp)
      echoes_[next_echo_++ % echoes_.size()] = {segment.options.timestamp, segment.time_ns};
  }
  if (segment.head.has(kTcpSyn)) return;
  Answer answer{segment.time_ns + near_ns_, segment.head.acknowledgement, verdict.window, verdict.rtt_ns,
                segment.data_length > 0};
  if (!answers_.empty()) answer.arrives_ns = std::max(answer.arrives_ns, answers_.back().arrives_ns);
  answers_.push_back(answer);
  if (answers_.size() > kMostAnswers) take_answers(answers_.front().arrives_ns);
}

void LimitAnalysis::take_answers(std::int64_t until_ns) {
  while (!answers_.empty() && answers_.front().arrives_ns <= until_ns) {
    const Answer answer = answers_.front();
    answers_.pop_front();
    take(answer);
  }
}

void LimitAnalysis::take(const Answer& answer) {
  if (begun_) pass_time(answer.arrives_ns);
  const bool more_acked = begun_ && after(answer.ack, acked_);
  const bool more_room = !has_window_ || after(answer.ack + static_cast<std::uint32_t>(answer.window),
                                               acked_ + static_cast<std::uint32_t>(window_));
  const bool was_open = has_window_ && window_ >= mss_;
  window_ = answer.window;
  has_window_ = true;
  shares_.window_most_bytes = std::max(shares_.window_most_bytes, window_);
  if (was_open && window_ < mss_) ++shares_.windows_shut;
  if (!begun_) return;
  if (answer.rtt_ns >= 0) {
    const auto sample = std::clamp<std::int64_t>(static_cast<std::int64_t>(answer.rtt_ns), 1, kLongestTripNs);
    far_ns_ = far_ns_ == 0 ? sample : (7 * far_ns_ + sample) / 8;
    const std::int64_t whole = sample + near_ns_;
    if (shares_.rtt_least_ns == 0 || whole < shares_.rtt_least_ns) shares_.rtt_least_ns = whole;
  }
  if (more_acked) {
    shares_.answered = true;
    acked_ = answer.ack;
    if (after(acked_, next_)) next_ = acked_;  // of data that the capture has not
    if (in_recovery_ && !after(recovery_point_, acked_)) in_recovery_ = false;
    if (in_round_ && round_over_ns_ < 0 && !after(round_end_, acked_)) round_over_ns_ = answer.arrives_ns;
    if (in_flight() == 0 && empty_since_ns_ < 0) empty_since_ns_ = answer.arrives_ns;
  }
  if (more_acked || more_room || answer.has_data) {
    if (first_answer_ns_ < 0) first_answer_ns_ = answer.arrives_ns;
    last_answer_ns_ = answer.arrives_ns;
    last_answer_has_data_ = answer.has_data;
  }
}

// Shares the time until now out, as far as its cause is known already.
void LimitAnalysis::pass_time(std::int64_t until_ns) {
  if (until_ns <= now_ns_) return;
  const std::int64_t passed = until_ns - now_ns_;
  now_ns_ = until_ns;
  if (in_recovery_) {
    waiting_.recovery_ns += passed;
  } else if (window_is_full()) {
    shares_.window_full_bytes = std::max(shares_.window_full_bytes, window_);
    if (receiver_lags()) {
      add(Limit::receiver_application, passed);
    } else {
      waiting_.window_full_ns += passed;
    }
  } else {
    pending_ns_ += passed;
  }
}

// Senders that pace themselves let whole segments go at even distances.
bool LimitAnalysis::is_paced(std::int64_t now_ns) const {
  const std::int64_t pause_ns = now_ns - paused_since_ns_;
  return !last_was_short_ && pause_ns < rtt_ns() && pause_ns < 2 * last_pause_ns_ &&
         last_pause_ns_ < 2 * pause_ns;
}

// Had the sender room, and sent nothing?
bool LimitAnalysis::application_paused(std::int64_t now_ns) const {
  const std::int64_t tolerance = tolerance_ns();
  if (empty_since_ns_ >= 0 && now_ns - empty_since_ns_ > tolerance) return true;
  const bool is_small = peak_ * 2 < possible();
  const bool reacts = last_answer_ns_ >= 0 && now_ns - last_answer_ns_ <= tolerance;
  if (!reacts) return !is_paced(now_ns) && (is_small || now_ns - paused_since_ns_ > tolerance);
  // The other side has asked for something, and this is what it gets.
  if (empty_since_ns_ >= 0 && last_answer_has_data_) return true;
  return is_small || now_ns - first_answer_ns_ > rtt_ns() / 2 + tolerance;
}

void LimitAnalysis::end_pause(std::int64_t now_ns, const SegmentVerdict& verdict) {
  // An acknowledgement that comes right now may be what it reacts to: the way to the sender is known
  // no better.
  if (!answers_.empty() && answers_.front().arrives_ns - now_ns <= near_ns_ / 8 &&
      last_answer_ns_ < paused_since_ns_) {
    answers_.front().arrives_ns = now_ns;
    take_answers(now_ns);
  }
  if (verdict.kind == SegmentKind::retransmission) {
    (verdict.cause == Retransmission::fast ? waiting_.recovery_ns
                                           : shares_.time_ns[static_cast<std::size_t>(Limit::loss)]) +=
        pending_ns_;
  } else if (pending_ns_ > 0 && application_paused(now_ns)) {
    add(Limit::sender_application, pending_ns_);
    if (now_ns - paused_since_ns_ > tolerance_ns()) {
      ++shares_.pauses;
      shares_.longest_pause_ns = std::max(shares_.longest_pause_ns, now_ns - paused_since_ns_);
    }
    if (empty_since_ns_ >= 0 && now_ns - empty_since_ns_ > std::max(kRestartNs, rtt_ns())) {
      proven_ = 0;
      last_peak_ = 0;
    }
  } else {
    waiting_.for_room_ns += pending_ns_;
  }
  pending_ns_ = 0;
  // Segments that leave together are one burst.
  if (now_ns - paused_since_ns_ > rtt_ns() / 64) last_pause_ns_ = now_ns - paused_since_ns_;
  paused_since_ns_ = now_ns;
  empty_since_ns_ = first_answer_ns_ = last_answer_ns_ = -1;
  last_answer_has_data_ = false;
}

void LimitAnalysis::begin(const SeenSegment& segment, std::int64_t now_ns) {
  begun_ = true;
  shares_.has_data = true;
  now_ns_ = paused_since_ns_ = now_ns;
  next_ = acked_ = segment.head.sequence;
}

void LimitAnalysis::sent(const Connection& connection, int side, const SeenSegment& segment,
                         const SegmentVerdict& verdict) {
  const Direction& me = connection.directions[static_cast<std::size_t>(side)];
  const Direction& peer = connection.directions[static_cast<std::size_t>(1 - side)];
  note_near_trip(connection, side, segment);
  const bool is_data = segment.data_length > 0 && verdict.kind != SegmentKind::keep_alive &&
                       verdict.kind != SegmentKind::duplicate;
  if (!is_data) return;
  const std::int64_t now_ns = std::max(segment.time_ns, now_ns_);
  scale_known_ = connection.sides_with_syn() == 2;
  mss_ = me.segment_max;
  if (peer.mss > 0 && mss_ > peer.mss) mss_ = peer.mss;
  take_answers(now_ns);
  if (!begun_) begin(segment, now_ns);
  pass_time(now_ns);
  if (verdict.kind == SegmentKind::probe) return;
  end_pause(now_ns, verdict);
  if (round_over_ns_ >= 0) end_round();
  note_sent(segment, verdict, now_ns);
}

void LimitAnalysis::note_sent(const SeenSegment& segment, const SegmentVerdict& verdict,
                              std::int64_t now_ns) {
  const auto end = static_cast<std::uint32_t>(segment.end());
  if (verdict.kind == SegmentKind::retransmission) {
    if (!in_recovery_) {
      ++shares_.recoveries;
      in_recovery_ = true;
      recovery_point_ = after(end, next_) ? end : next_;
      proven_ = 0;
      settle_flat(false);
    }
    if (verdict.cause == Retransmission::timeout) {
      ++shares_.timeouts;
      round_timed_out_ = true;
    }
    had_loss_ = true;
  }
  if (after(end, next_)) next_ = end;
  last_was_short_ = mss_ > 0 && static_cast<std::uint64_t>(segment.data_length) % mss_ != 0;
  peak_ = in_flight();
  round_peak_ = std::max(round_peak_, peak_);
  shares_.flight_most_bytes = std::max(shares_.flight_most_bytes, peak_);
  if (!in_recovery_) proven_ = std::max(proven_, peak_);
  if (!in_round_) {
    in_round_ = true;
    round_since_ns_ = now_ns;
    round_end_ = next_;
    round_begin_ = acked_;
    round_peak_ = peak_;
  }
}

// The flight has not grown for some round trips: was that a rule, or an accident?
void LimitAnalysis::settle_flat(bool is_flat) {
  if (is_flat) {
    add(Limit::send_buffer, flat_ns_);
    shares_.flight_flat_bytes = flat_base_;
  } else {
    add(before_flat_, flat_ns_);
  }
  flat_ns_ = 0;
  if (!is_flat) flat_ = 0;
}

// What lacked when the sender waited for room in this round trip.
Limit LimitAnalysis::room_of_round(bool queued) {
  if (queued) return Limit::path_capacity;
  if (!had_loss_ &&
      (last_peak_ == 0 || static_cast<double>(round_peak_) >= kGrowth * static_cast<double>(last_peak_))) {
    if (shares_.slow_start_rounds == 0) shares_.flight_first_bytes = round_peak_;
    ++shares_.slow_start_rounds;
    shares_.flight_grown_bytes = round_peak_;
    return Limit::slow_start;
  }
  if (scale_known_ && has_window_ &&
      static_cast<double>(round_peak_ + mss_) >= kDeferredPart * static_cast<double>(window_)) {
    if (receiver_lags()) return Limit::receiver_application;
    shares_.window_full_bytes = std::max(shares_.window_full_bytes, window_);
    return Limit::receiver_window;
  }
  if (had_loss_) return Limit::congestion_window;
  return Limit::send_buffer;
}

void LimitAnalysis::end_round() {
  const std::int64_t duration_ns = std::max<std::int64_t>(1, round_over_ns_ - round_since_ns_);
  const double delivered = static_cast<std::uint32_t>(acked_ - round_begin_);
  const double rate = delivered * 1e9 / static_cast<double>(duration_ns);
  const bool waited = waiting_.for_room_ns + waiting_.window_full_ns + waiting_.recovery_ns > duration_ns / 2;
  rate_ = rate_ == 0 ? rate : (3 * rate_ + rate) / 4;
  best_rate_ = std::max(best_rate_, rate_);
  const std::int64_t least = shares_.rtt_least_ns;
  // A queue is filled by a flight; and after a timeout nobody knows what waited where.
  constexpr double kLeastFlight = 4;
  const bool queued = waited && least > 0 && !round_timed_out_ &&
                      delivered >= kLeastFlight * static_cast<double>(mss_) &&
                      static_cast<double>(rtt_ns()) >=
                          kQueuedFactor * static_cast<double>(least) + static_cast<double>(kQueuedNs) &&
                      rate_ >= kFullRate * best_rate_;
  if (queued) {
    queued_bytes_ += delivered;
    queued_time_ns_ += static_cast<double>(duration_ns);
    queued_rtt_sum_ += static_cast<double>(rtt_ns()) * static_cast<double>(duration_ns);
  }
  add(queued ? Limit::path_capacity : Limit::loss, waiting_.recovery_ns);
  add(queued ? Limit::path_capacity : Limit::receiver_window, waiting_.window_full_ns);
  const Limit room = room_of_round(queued);
  if (room == Limit::send_buffer && !waited) {
    // It was the application that did not let the flight grow.
    add(Limit::congestion_window, waiting_.for_room_ns);
  } else if (room == Limit::send_buffer) {
    const std::uint64_t apart =
        round_peak_ > flat_base_ ? round_peak_ - flat_base_ : flat_base_ - round_peak_;
    const auto bound =
        std::max(mss_, static_cast<std::uint64_t>(kFlatPart * static_cast<double>(flat_base_)));
    if (apart > bound) {
      settle_flat(false);
      flat_base_ = round_peak_;
      before_flat_ = Limit::congestion_window;
    }
    ++flat_;
    flat_ns_ += waiting_.for_room_ns;
    if (flat_ >= kFlatRounds) {
      shares_.flat_rounds += flat_ == kFlatRounds ? kFlatRounds : 1;
      settle_flat(true);
    }
  } else {
    add(room, waiting_.for_room_ns);
    if (waited) {
      settle_flat(false);
      flat_base_ = round_peak_;
      before_flat_ = room == Limit::slow_start ? Limit::slow_start : Limit::congestion_window;
    }
  }
  if (waited) last_peak_ = round_peak_;
  proven_ = std::max(round_peak_, proven_ - proven_ / 8);
  waiting_ = {};
  in_round_ = round_timed_out_ = false;
  round_over_ns_ = -1;
}

void LimitAnalysis::finish() {
  // The window may have been shut until the end.
  while (!answers_.empty()) take_answers(answers_.front().arrives_ns);
  pending_ns_ = 0;
  if (in_round_) {
    if (round_over_ns_ < 0) round_over_ns_ = now_ns_;
    end_round();
  }
  settle_flat(false);
  if (queued_time_ns_ > 0) {
    shares_.rtt_queued_ns = static_cast<std::int64_t>(queued_rtt_sum_ / queued_time_ns_);
    shares_.rate_queued = queued_bytes_ * 1e9 / queued_time_ns_;
  }
}

}  // namespace isotach::network
