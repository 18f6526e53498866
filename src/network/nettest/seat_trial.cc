#include "network/nettest/seat_trial.h"

#include <limits>

namespace isotach::nettest {

void SeatTrial::enter(Phase phase, std::int64_t now_ns, std::uint64_t bytes, std::int64_t length_ns) {
  phase_ = phase;
  from_ns_ = now_ns;
  until_ns_ = now_ns + length_ns;
  from_bytes_ = bytes;
}

void SeatTrial::give_up() {
  phase_ = Phase::done;
  with_packets_ = false;
  until_ns_ = std::numeric_limits<std::int64_t>::max();
}

void SeatTrial::decide(std::int64_t now_ns, std::uint64_t bytes) {
  if (seats_[1].rate() <= kBetter * seats_[0].rate()) return give_up();
  with_packets_ = true;
  enter(Phase::watch, now_ns, bytes, kWatchNs);
}

void SeatTrial::look(std::int64_t now_ns, std::uint64_t bytes) {
  if (now_ns < until_ns_) return;
  const double moved = static_cast<double>(bytes - from_bytes_);
  const double took_ns = static_cast<double>(now_ns - from_ns_);
  switch (phase_) {
    case Phase::warm_up:
      return enter(Phase::settle, now_ns, bytes, kSettleNs);
    case Phase::settle:
      return enter(Phase::measure, now_ns, bytes, kMeasureNs);
    case Phase::measure:
      seats_[with_packets_ ? 1 : 0].bytes += moved;
      seats_[with_packets_ ? 1 : 0].ns += took_ns;
      if (++turn_ == kTurns) return decide(now_ns, bytes);
      with_packets_ = !with_packets_;
      return enter(Phase::settle, now_ns, bytes, kSettleNs);
    case Phase::watch:
      // Somebody else wants this processor, or the test has changed.
      if (moved < kKept * seats_[1].rate() * took_ns) return give_up();
      return enter(Phase::watch, now_ns, bytes, kWatchNs);
    case Phase::done:
      return;
  }
}

}  // namespace isotach::nettest
