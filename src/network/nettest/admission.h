// When the next request of a stream of transactions may begin, and from when its latency counts. Pure.
//
// Closed loop: as soon as fewer than `outstanding` are under way, from the moment at which it is sent. Open
// loop: at even distances, whatever became of those before. One that could not be sent when it was due, since
// `outstanding` were under way or we had no processor, is sent late and its latency counts from when it was
// due: a stall of the other end delays all that were to come meanwhile, and all of them tell of it. (A closed
// loop does not ask while it waits, and so omits the slow ones: "coordinated omission".)
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

namespace isotach::nettest {

class Admission {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  // `per_second` 0: closed loop.
  Admission(double per_second, std::uint32_t outstanding)
      : gap_ns_(per_second > 0 ? 1e9 / per_second : 0), outstanding_(std::max(1U, outstanding)) {}

  [[nodiscard]] bool is_open_loop() const { return gap_ns_ > 0; }

  // The next request begins now: from when its latency counts. Nothing: not yet.
  std::optional<std::int64_t> next(std::int64_t now_ns, std::uint64_t under_way) {
    if (gap_ns_ <= 0) return under_way < outstanding_ ? std::optional(now_ns) : std::nullopt;
    if (!started_) start(now_ns);
    const std::int64_t due_ns = slot_ns();
    if (now_ns < due_ns || under_way >= outstanding_) return std::nullopt;
    ++slots_;
    return due_ns;
  }

  // When next() has something if nothing else happens; kNever where an answer must come first.
  [[nodiscard]] std::int64_t due_ns(std::uint64_t under_way) const {
    if (under_way >= outstanding_) return kNever;
    return gap_ns_ <= 0 || !started_ ? 0 : slot_ns();
  }

  // How many were due until now and have not been sent.
  [[nodiscard]] std::uint64_t owed(std::int64_t now_ns) const {
    if (!started_ || now_ns < slot_ns()) return 0;
    return static_cast<std::uint64_t>(static_cast<double>(now_ns - slot_ns()) / gap_ns_) + 1;
  }

 private:
  void start(std::int64_t now_ns) {
    started_ = true;
    start_ns_ = now_ns;
  }
  // From the start each time: rounding does not add up.
  [[nodiscard]] std::int64_t slot_ns() const {
    return start_ns_ + static_cast<std::int64_t>(static_cast<double>(slots_) * gap_ns_);
  }

  double gap_ns_;
  std::uint64_t outstanding_;
  bool started_ = false;
  std::int64_t start_ns_ = 0;
  std::uint64_t slots_ = 0;
};

}  // namespace isotach::nettest
