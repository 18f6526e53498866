// A schedule of absolute deadlines: lateness of one sample does not move the next.
#pragma once

#include <cstdint>

namespace isotach {

class Ticker {
 public:
  Ticker(std::int64_t start_monotonic_ns, std::int64_t interval_ns)
      : interval_ns_(interval_ns), deadline_ns_(start_monotonic_ns) {}

  [[nodiscard]] std::int64_t deadline_ns() const { return deadline_ns_; }

  // Moves to the first deadline after `now`. Deadlines that have already passed are left out and
  // counted: their samples could only be taken together, which would measure nothing.
  void advance(std::int64_t now_monotonic_ns) {
    deadline_ns_ += interval_ns_;
    if (deadline_ns_ > now_monotonic_ns) return;
    const std::int64_t behind = (now_monotonic_ns - deadline_ns_) / interval_ns_ + 1;
    deadline_ns_ += behind * interval_ns_;
    missed_ += static_cast<std::uint64_t>(behind);
  }

  [[nodiscard]] std::uint64_t missed() const { return missed_; }

 private:
  std::int64_t interval_ns_;
  std::int64_t deadline_ns_;
  std::uint64_t missed_ = 0;
};

}  // namespace isotach
