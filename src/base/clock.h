// Time as a parameter: the monotonic clock measures intervals, the wall clock only labels them.
#pragma once

#include <cstdint>

namespace isotach {

struct Instant {
  std::int64_t monotonic_ns = 0;  // CLOCK_MONOTONIC
  std::int64_t wall_ns = 0;       // CLOCK_REALTIME, since 1970-01-01 UTC
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() override;
};

// A clock that moves only when told. For tests and for reading saved trees.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant start = {}) : now_(start) {}
  [[nodiscard]] Instant now() override { return now_; }
  void advance_ns(std::int64_t step_ns) {
    now_.monotonic_ns += step_ns;
    now_.wall_ns += step_ns;
  }

 private:
  Instant now_;
};

inline constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

}  // namespace isotach
