#include "memory/swap/drain_plan.h"

#include <algorithm>
#include <limits>

#include "base/counter.h"

namespace isotach::memory {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMi = std::uint64_t{1} << 20;

std::uint64_t sum(std::uint64_t one, std::uint64_t other) {
  return one > kMost - other ? kMost : one + other;
}

std::uint64_t less(std::uint64_t one, std::uint64_t other) {
  return one - std::min(one, other);
}

std::uint64_t round_up_to_mi(std::uint64_t bytes) {
  return sum(bytes, kMi - 1) / kMi * kMi;
}

// Areas whose priority the kernel chose get the next below all others when they are switched on again: in
// this order each ends where it was. The others keep theirs; what is used last is drained first.
bool comes_before(const DrainArea& one, const DrainArea& other) {
  const bool one_chosen_by_kernel = one.priority < 0;
  const bool other_chosen_by_kernel = other.priority < 0;
  if (one_chosen_by_kernel != other_chosen_by_kernel) return one_chosen_by_kernel;
  return one_chosen_by_kernel ? one.priority > other.priority : one.priority < other.priority;
}

}  // namespace

std::uint64_t default_reserve(std::uint64_t total_bytes) {
  return std::min(total_bytes / 20, 1024 * kMi);
}

DrainPlan plan_drain(const DrainInput& input) {
  DrainPlan plan;
  bool all = true;
  std::uint64_t used = 0;
  for (const DrainArea& area : input.areas) {
    if (!area.chosen) {
      all = all && area.used_bytes == 0;
      continue;
    }
    plan.steps.push_back(area);
    used = sum(used, area.used_bytes);
  }
  std::stable_sort(plan.steps.begin(), plan.steps.end(), comes_before);
  // The swap cache may be that of the areas which stay on.
  const std::uint64_t cached = all && !input.cached_bytes.is_missing() ? input.cached_bytes.as_unsigned() : 0;
  plan.returning_bytes = less(used, cached);
  if (!input.available_bytes.is_missing())
    plan.room_bytes = less(input.available_bytes.as_unsigned(), input.reserve_bytes);
  plan.has_room = plan.returning_bytes <= plan.room_bytes;

  for (const DrainGroup& group : input.groups) {
    if (!group.limit_bytes) continue;
    if (group.usage_bytes.is_missing() || group.swap_bytes.is_missing()) {
      plan.unknown_groups.push_back(group.path);
      continue;
    }
    const std::uint64_t returning = std::min(group.swap_bytes.as_unsigned(), used);
    if (returning == 0) continue;
    const std::uint64_t usage = group.usage_bytes.as_unsigned();
    const std::uint64_t file = group.file_bytes.is_missing() ? 0 : group.file_bytes.as_unsigned();
    const std::uint64_t after = sum(less(usage, file), returning);
    if (after <= *group.limit_bytes) continue;
    // With what it has now and a little for the page tables and what it does meanwhile.
    const std::uint64_t needed = round_up_to_mi(sum(sum(usage, returning), returning / 64));
    plan.in_the_way.push_back({group.path, *group.limit_bytes, usage, returning, needed});
  }
  std::reverse(plan.in_the_way.begin(), plan.in_the_way.end());
  if (input.bytes_per_second && *input.bytes_per_second > 0)
    plan.seconds = static_cast<double>(plan.returning_bytes) / *input.bytes_per_second;
  return plan;
}

void DrainPace::note(std::int64_t now_ns, std::uint64_t remaining_bytes) {
  marks_.push_back({now_ns, remaining_bytes});
  while (marks_.size() > 2 && now_ns - marks_[1].time_ns >= kMemoryNs) marks_.erase(marks_.begin());
}

std::optional<double> DrainPace::bytes_per_second() const {
  if (marks_.size() < 2) return std::nullopt;
  const Mark& first = marks_.front();
  const Mark& last = marks_.back();
  if (last.time_ns <= first.time_ns || last.remaining_bytes >= first.remaining_bytes) return std::nullopt;
  return static_cast<double>(first.remaining_bytes - last.remaining_bytes) * 1e9 /
         static_cast<double>(last.time_ns - first.time_ns);
}

std::optional<double> DrainPace::seconds_left() const {
  const auto rate = bytes_per_second();
  if (!rate) return std::nullopt;
  return static_cast<double>(marks_.back().remaining_bytes) / *rate;
}

void StallShare::note(std::int64_t now_ns, const Value& total_us) {
  if (total_us.is_missing()) return;
  marks_.push_back({now_ns, total_us.as_unsigned()});
  while (marks_.size() > 2 && now_ns - marks_[1].time_ns >= kWindowNs) marks_.erase(marks_.begin());
}

std::optional<double> StallShare::share() const {
  if (marks_.size() < 2) return std::nullopt;
  const std::int64_t time_ns = marks_.back().time_ns - marks_.front().time_ns;
  const auto stalled_us = counter_growth(marks_.front().total_us, marks_.back().total_us);
  if (time_ns < kShortestNs || !stalled_us) return std::nullopt;
  return static_cast<double>(*stalled_us) * 1000 / static_cast<double>(time_ns);
}

}  // namespace isotach::memory
