// The time that a program had: the time that passed, less that in which it could have run and had no CPU.
// A curve over this time looks on a busy machine as it does on a quiet one. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "memory/experiment/run.h"

namespace isotach::memory {

class RunClock {
 public:
  // Without `cpu_wait_ns` in the samples both times are the same.
  explicit RunClock(std::span<const MemorySample> samples);

  // Both rise with their argument; times outside of the samples keep their distance from the nearest.
  [[nodiscard]] std::int64_t own_ns(std::int64_t passed_ns) const;
  [[nodiscard]] std::int64_t passed_ns(std::int64_t own_ns) const;

 private:
  struct Tick {
    std::int64_t passed_ns = 0;
    std::int64_t own_ns = 0;
  };
  std::vector<Tick> ticks_;
};

// The same run on its own clock: samples, marks and the start of the program.
[[nodiscard]] MemoryRun on_own_clock(const MemoryRun& run, const RunClock& clock);

}  // namespace isotach::memory
