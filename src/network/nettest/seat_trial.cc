#include "network/nettest/seat_trial.h"

#include <limits>

namespace isotach::nettest {

void SeatTrial::enter(Phase phase, std::int64_t now_ns, std::int64_t score, std::int64_t length_ns) {
  phase_ = phase;
  from_ns_ = now_ns;
  until_ns_ = now_ns + length_ns;
  from_score_ = score;
}

void SeatTrial::give_up() {
  phase_ = Phase::done;
  with_packets_ = false;
  until_ns_ = std::numeric_limits<std::int64_t>::max();
}

void SeatTrial::decide(std::int64_t now_ns, std::int64_t score) {
  if (seats_[1].rate() <= 0 || seats_[1].rate() <= better_ * seats_[0].rate()) return give_up();
  with_packets_ = true;
  enter(Phase::watch, now_ns, score, kWatchNs);
}

void SeatTrial::look(std::int64_t now_ns, std::int64_t score) {
  if (now_ns < until_ns_) return;
  const double gained = static_cast<double>(score - from_score_);
  const double took_ns = static_cast<double>(now_ns - from_ns_);
  switch (phase_) {
    case Phase::warm_up:
      return enter(Phase::settle, now_ns, score, kSettleNs);
    case Phase::settle:
      return enter(Phase::measure, now_ns, score, kMeasureNs);
    case Phase::measure:
      seats_[with_packets_ ? 1 : 0].score += gained;
      seats_[with_packets_ ? 1 : 0].ns += took_ns;
      if (++turn_ == kTurns) return decide(now_ns, score);
      with_packets_ = !with_packets_;
      return enter(Phase::settle, now_ns, score, kSettleNs);
    case Phase::watch:
      // Somebody else wants this processor, or the test has changed.
      if (gained < kKept * seats_[1].rate() * took_ns) return give_up();
      return enter(Phase::watch, now_ns, score, kWatchNs);
    case Phase::done:
      return;
  }
}

}  // namespace isotach::nettest
