// What the program itself costs: processor time as a share of one CPU, shown beside what it measures.
#pragma once

#include <time.h>

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace isotach::command {

// Over the last seconds, and over all since it was made.
class OwnCost {
 public:
  explicit OwnCost(std::int64_t now_ns) : start_{now_ns, cpu_ns()}, from_(start_), next_(start_) {}

  [[nodiscard]] std::optional<double> recent(std::int64_t now_ns) {
    const Point now = {now_ns, cpu_ns()};
    if (now.time_ns - next_.time_ns >= kWindowNs) {
      from_ = next_;
      next_ = now;
    }
    return share(from_, now);
  }
  [[nodiscard]] std::optional<double> overall(std::int64_t now_ns) const {
    return share(start_, {now_ns, cpu_ns()});
  }

 private:
  struct Point {
    std::int64_t time_ns = 0, cpu_ns = 0;
  };
  static std::int64_t cpu_ns() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<std::int64_t>(used.tv_sec) * kNanosecondsPerSecond + used.tv_nsec;
  }
  static std::optional<double> share(const Point& from, const Point& to) {
    if (to.time_ns <= from.time_ns) return std::nullopt;
    return static_cast<double>(to.cpu_ns - from.cpu_ns) / static_cast<double>(to.time_ns - from.time_ns);
  }
  static constexpr std::int64_t kWindowNs = 5 * kNanosecondsPerSecond;

  Point start_, from_, next_;
};

}  // namespace isotach::command
