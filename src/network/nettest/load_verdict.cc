#include "network/nettest/load_verdict.h"

#include <algorithm>
#include <utility>

namespace isotach::nettest {
namespace {

constexpr double kTrimmed = 0.95;

// Mean of all but the slowest.
double trimmed_mean(const Histogram& values) {
  auto left = static_cast<std::uint64_t>(kTrimmed * static_cast<double>(values.count()) + 0.5);
  const std::uint64_t kept = left;
  double sum = 0;
  for (const auto& [bucket, count] : values.buckets()) {
    const std::uint64_t taken = std::min(left, count);
    sum += static_cast<double>(taken) *
           static_cast<double>(std::min(Histogram::upper_end(bucket), values.maximum()));
    left -= taken;
  }
  return kept == 0 ? 0 : sum / static_cast<double>(kept);
}

std::string_view grade_of(double increase_ns) {
  constexpr std::pair<double, std::string_view> kGrades[] = {
      {5e6, "A+"}, {30e6, "A"}, {60e6, "B"}, {200e6, "C"}, {400e6, "D"}};
  for (const auto& [below_ns, grade] : kGrades)
    if (increase_ns < below_ns) return grade;
  return "F";
}

}  // namespace

std::optional<LoadVerdict> judge(const LoadLatency& latency) {
  if (latency.idle_ns.count() == 0 || latency.loaded_ns.count() == 0) return std::nullopt;
  LoadVerdict verdict;
  verdict.idle_ns = trimmed_mean(latency.idle_ns);
  verdict.loaded_ns = trimmed_mean(latency.loaded_ns);
  verdict.increase_ns = std::max(0.0, verdict.loaded_ns - verdict.idle_ns);
  verdict.grade = grade_of(verdict.increase_ns);
  const double round_trip_ns =
      latency.stream_rtt_ns ? (verdict.loaded_ns + *latency.stream_rtt_ns) / 2 : verdict.loaded_ns;
  if (round_trip_ns > 0) verdict.round_trips_per_minute = 60e9 / round_trip_ns;
  return verdict;
}

}  // namespace isotach::nettest
