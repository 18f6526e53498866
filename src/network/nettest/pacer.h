// When the next piece of a paced stream is due. Pure.
//
// Pieces are due at even distances. What a late wake-up missed of datagrams is made up for by distances a
// quarter shorter, never by a burst: other tools send until the average is reached, hundreds of datagrams
// back to back, and then measure the losses that they caused. TCP gets what was missed at once, of 50 ms at
// most, where the kernel spaces its segments: a thread that waits milliseconds for its processor would never
// keep a rate.
#pragma once

#include <algorithm>
#include <cstdint>

namespace isotach::nettest {

class Pacer {
 public:
  enum class CatchUp : std::uint8_t { evenly, at_once };

  Pacer(std::int64_t start_ns, double gap_ns, CatchUp catch_up = CatchUp::evenly)
      : slot_ns_(static_cast<double>(start_ns)),
        gap_ns_(gap_ns),
        least_gap_ns_(catch_up == CatchUp::evenly ? gap_ns * kCatchUpGap : 0),
        longest_debt_ns_(catch_up == CatchUp::evenly ? kLongestDebtNs : kLongestBurstNs) {}

  [[nodiscard]] std::int64_t due_ns() const {
    return static_cast<std::int64_t>(std::max(slot_ns_, earliest_ns_));
  }

  // A piece was sent at `now_ns`, which is not before due_ns().
  void sent(std::int64_t now_ns) {
    const auto now = static_cast<double>(now_ns);
    if (now > slot_ns_ + gap_ns_) ++late_;
    // Time for which nothing could be sent (a stopped process, a full socket buffer) is not made up for.
    if (now - slot_ns_ > std::max(longest_debt_ns_, gap_ns_)) {
      skipped_ += static_cast<std::uint64_t>((now - slot_ns_) / gap_ns_);
      slot_ns_ = now;
    }
    slot_ns_ += gap_ns_;
    earliest_ns_ = now + least_gap_ns_;
  }

  // A wake-up was late, and the distances are shorter until that is made up for.
  [[nodiscard]] bool catches_up() const { return earliest_ns_ > slot_ns_; }

  [[nodiscard]] std::uint64_t late() const { return late_; }        // by more than a gap
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }  // never sent

 private:
  static constexpr double kCatchUpGap = 0.75;
  static constexpr double kLongestDebtNs = 200e6;
  static constexpr double kLongestBurstNs = 50e6;

  double slot_ns_;
  double gap_ns_;
  double least_gap_ns_;
  double longest_debt_ns_;
  double earliest_ns_ = 0;
  std::uint64_t late_ = 0;
  std::uint64_t skipped_ = 0;
};

}  // namespace isotach::nettest
