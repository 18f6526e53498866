#include "memory/experiment/run_clock.h"

#include <algorithm>
#include <cmath>

namespace isotach::memory {
namespace {

// Saturating: a mark can claim any time.
std::int64_t moved(std::int64_t time_ns, std::int64_t by_ns) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(time_ns, by_ns, &sum)) return time_ns;
  return sum;
}

// From one scale to the other along the ticks.
template <class Tick>
std::int64_t mapped(const std::vector<Tick>& ticks, std::int64_t Tick::*from, std::int64_t Tick::*to,
                    std::int64_t time_ns) {
  if (ticks.empty()) return time_ns;
  const auto next = std::lower_bound(ticks.begin(), ticks.end(), time_ns,
                                     [&](const Tick& tick, std::int64_t at) { return tick.*from < at; });
  if (next == ticks.begin()) return moved(time_ns, (*next).*to - (*next).*from);
  const Tick& before = *(next - 1);
  if (next == ticks.end()) return moved(time_ns, before.*to - before.*from);
  const auto length = static_cast<double>((*next).*from - before.*from);
  const double share = length > 0 ? static_cast<double>(time_ns - before.*from) / length : 1;
  return before.*to + static_cast<std::int64_t>(share * static_cast<double>((*next).*to - before.*to));
}

}  // namespace

RunClock::RunClock(std::span<const MemorySample> samples) {
  std::int64_t own_ns = 0;
  const MemorySample* before = nullptr;
  for (const MemorySample& sample : samples) {
    if (before != nullptr && sample.time_ns <= before->time_ns) continue;
    if (before == nullptr) {
      own_ns = sample.time_ns;
    } else {
      const std::int64_t passed_ns = sample.time_ns - before->time_ns;
      double waited_ns = 0;
      if (sample.cpu_wait_ns && before->cpu_wait_ns) waited_ns = *sample.cpu_wait_ns - *before->cpu_wait_ns;
      if (!std::isfinite(waited_ns)) waited_ns = 0;
      // Several processes that wait at once count for no more than the time that passed. A little always
      // remains, so that both times rise.
      const double most_ns = 0.99 * static_cast<double>(passed_ns);
      own_ns += passed_ns - static_cast<std::int64_t>(std::clamp(waited_ns, 0.0, most_ns));
    }
    ticks_.push_back({sample.time_ns, own_ns});
    before = &sample;
  }
}

std::int64_t RunClock::own_ns(std::int64_t passed_ns) const {
  return mapped(ticks_, &Tick::passed_ns, &Tick::own_ns, passed_ns);
}

std::int64_t RunClock::passed_ns(std::int64_t own_ns) const {
  return mapped(ticks_, &Tick::own_ns, &Tick::passed_ns, own_ns);
}

MemoryRun on_own_clock(const MemoryRun& run, const RunClock& clock) {
  MemoryRun own = run;
  for (MemorySample& sample : own.samples) sample.time_ns = clock.own_ns(sample.time_ns);
  for (ProgramMark& mark : own.marks) mark.time_ns = clock.own_ns(mark.time_ns);
  if (own.program_ns) own.program_ns = clock.own_ns(*own.program_ns);
  return own;
}

}  // namespace isotach::memory
