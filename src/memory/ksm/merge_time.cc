#include "memory/ksm/merge_time.h"

#include <algorithm>
#include <cmath>
#include <ctime>

namespace isotach::memory {
namespace {

constexpr double kNanosecondsPerMillisecond = 1e6;
constexpr double kLargestIdleShare = 0.1;
constexpr std::uint64_t kKernelPagesToScan = 100;

double pause_ns(std::uint64_t sleep_milliseconds, const MergeCost& cost) {
  // 0 is no sleep at all, not a short one.
  if (sleep_milliseconds == 0) return 0;
  const double asked_ns = static_cast<double>(sleep_milliseconds) * kNanosecondsPerMillisecond;
  return (std::ceil(asked_ns / cost.tick_ns) + 1) * cost.tick_ns;
}

// Up to two significant digits, so that a person can type it.
std::uint64_t round_up(double value) {
  double step = 1;
  while (value / step >= 100) step *= 10;
  return static_cast<std::uint64_t>(std::ceil(value / step) * step);
}

}  // namespace

MergeCost merge_cost_here() {
  MergeCost cost;
  timespec tick{};
  if (::clock_getres(CLOCK_MONOTONIC_COARSE, &tick) == 0 && tick.tv_sec == 0 && tick.tv_nsec > 0)
    cost.tick_ns = static_cast<double>(tick.tv_nsec);
  return cost;
}

MergeTime predict_merge_time(std::uint64_t pages, const MergeSettings& settings, const MergeCost& cost) {
  MergeTime time;
  if (pages == 0) return time;
  if (settings.pages_to_scan == 0) {
    time.finite = false;
    return time;
  }
  const auto count = static_cast<double>(pages);
  const auto batch = static_cast<double>(settings.pages_to_scan);
  const double batches = std::ceil(count / batch);
  const double pause = pause_ns(settings.sleep_milliseconds, cost);
  const double first_scan_ns = batches * pause + count * cost.first_scan_ns;
  time.first_merge_ns = first_scan_ns;
  // The sleep after the last batch delays nothing.
  time.settled_ns = first_scan_ns + (batches - 1) * pause + count * cost.merge_ns;
  time.cpu_ns = count * (cost.first_scan_ns + cost.merge_ns);
  const double work_ns = std::min(batch, count) * cost.first_scan_ns;
  time.idle_cpu_share = work_ns / (work_ns + pause);
  return time;
}

MergeSettings recommend_settings(std::uint64_t pages, std::uint64_t sleep_milliseconds, double target_ns,
                                 const MergeCost& cost) {
  MergeSettings settings{kKernelPagesToScan, sleep_milliseconds};
  const double pause = pause_ns(sleep_milliseconds, cost);
  const auto count = static_cast<double>(pages);
  const double pauses_ns = target_ns - count * (cost.first_scan_ns + cost.merge_ns);
  const double wanted = pauses_ns > 2 * pause ? 2 * count * pause / pauses_ns : count;
  // share = batch * cost / (batch * cost + pause)
  const double most = kLargestIdleShare / (1 - kLargestIdleShare) * pause / cost.first_scan_ns;
  const double chosen = std::min(wanted, most);
  if (chosen > static_cast<double>(kKernelPagesToScan)) settings.pages_to_scan = round_up(chosen);
  return settings;
}

}  // namespace isotach::memory
