// When a costly reading is due: not more often than an interval, and never so often that it takes
// more than a twentieth of the time. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace isotach::memory {

class Pace {
 public:
  explicit Pace(std::int64_t interval_ns) : interval_ns_(interval_ns) {}

  // Always due at first.
  [[nodiscard]] bool is_due(std::int64_t now_ns) const { return !started_ || now_ns >= next_ns_; }

  void done(std::int64_t start_ns, std::int64_t end_ns) {
    // From the moment when it was due, so that readings taken a little late do not become rarer; but
    // never two in quick succession to make up for one that was missed.
    const std::int64_t scheduled_ns = started_ && start_ns - next_ns_ < interval_ns_ ? next_ns_ : start_ns;
    const std::int64_t cost_ns = std::max<std::int64_t>(0, end_ns - start_ns);
    next_ns_ = std::max(scheduled_ns + interval_ns_, end_ns + kRestPerCost * cost_ns);
    started_ = true;
  }

 private:
  static constexpr std::int64_t kRestPerCost = 19;

  std::int64_t interval_ns_;
  std::int64_t next_ns_ = 0;
  bool started_ = false;
};

}  // namespace isotach::memory
