// Whether swap areas can be drained without harm, and how long it takes. Pure.
//
// swapoff(2) brings every page of an area back into memory and charges it to the control group that it
// belongs to. The kernel itself only looks whether the area could be overcommitted: it does not see the
// limits of groups, and where a group is full its OOM killer ends a process of that group. So both are
// looked at before: the memory of the machine, and the room in each group and in all groups above it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/value.h"

namespace isotach::memory {

struct DrainArea {
  std::string path;
  int priority = 0;
  std::string discard;  // as in kernel::swap_on
  std::uint64_t size_bytes = 0;
  std::uint64_t used_bytes = 0;
  bool chosen = true;
};

// As in kernel::MemoryGroup.
struct DrainGroup {
  std::string path;
  std::optional<std::uint64_t> limit_bytes;
  Value usage_bytes, file_bytes, swap_bytes;
};

struct DrainInput {
  std::vector<DrainArea> areas;  // all that are on
  std::vector<DrainGroup> groups;
  Value available_bytes;            // MemAvailable
  Value cached_bytes;               // SwapCached: in memory already
  std::uint64_t reserve_bytes = 0;  // that shall stay available
  std::optional<double> bytes_per_second;
};

// A group that would be full.
struct GroupInTheWay {
  std::string path;
  std::uint64_t limit_bytes = 0;
  std::uint64_t usage_bytes = 0;
  std::uint64_t returning_bytes = 0;  // at most
  std::uint64_t needed_bytes = 0;     // the limit that would do
};

struct DrainPlan {
  std::vector<DrainArea> steps;  // the chosen areas, in the order in which they are drained
  std::uint64_t returning_bytes = 0;
  std::uint64_t room_bytes = 0;  // 0 where the kernel does not tell MemAvailable
  bool has_room = false;
  std::vector<GroupInTheWay> in_the_way;    // lowest in the tree first
  std::vector<std::string> unknown_groups;  // that may not be looked at, or whose files say nothing
  std::optional<double> seconds;

  [[nodiscard]] bool is_safe() const { return has_room && in_the_way.empty(); }
};

[[nodiscard]] DrainPlan plan_drain(const DrainInput& input);

// What shall stay available on a machine with so much memory: a twentieth, at most 1 GiB.
[[nodiscard]] std::uint64_t default_reserve(std::uint64_t total_bytes);

// How long the rest takes, from how it went so far: over the last seconds, because the pages that lie
// together come first and fast.
class DrainPace {
 public:
  void note(std::int64_t now_ns, std::uint64_t remaining_bytes);
  // Nothing before it is known.
  [[nodiscard]] std::optional<double> bytes_per_second() const;
  [[nodiscard]] std::optional<double> seconds_left() const;

 private:
  static constexpr std::int64_t kMemoryNs = 5'000'000'000;
  struct Mark {
    std::int64_t time_ns;
    std::uint64_t remaining_bytes;
  };
  std::vector<Mark> marks_;
};

// The share of the last two seconds in which some program waited for memory, from the kernel's sum of such
// times (pressure stall information, "total").
class StallShare {
 public:
  void note(std::int64_t now_ns, const Value& total_us);
  // Nothing before half a second has passed, or where the kernel does not tell.
  [[nodiscard]] std::optional<double> share() const;

 private:
  static constexpr std::int64_t kWindowNs = 2'000'000'000;
  static constexpr std::int64_t kShortestNs = 500'000'000;
  struct Mark {
    std::int64_t time_ns;
    std::uint64_t total_us;
  };
  std::vector<Mark> marks_;
};

}  // namespace isotach::memory
