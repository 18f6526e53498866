#include "memory/swap/drain_plan.h"

#include <gtest/gtest.h>

#include <limits>

namespace isotach::memory {
namespace {

constexpr std::uint64_t kMi = 1 << 20;

DrainArea area(const char* path, int priority, std::uint64_t used_mi, bool chosen = true) {
  return {path, priority, "", 1024 * kMi, used_mi * kMi, chosen};
}

DrainGroup group(const char* path, std::optional<std::uint64_t> limit_mi, std::uint64_t usage_mi,
                 std::uint64_t swap_mi, std::uint64_t file_mi = 0) {
  DrainGroup result;
  result.path = path;
  if (limit_mi) result.limit_bytes = *limit_mi * kMi;
  result.usage_bytes = Value::of(usage_mi * kMi);
  result.swap_bytes = Value::of(swap_mi * kMi);
  result.file_bytes = Value::of(file_mi * kMi);
  return result;
}

DrainInput input(std::vector<DrainArea> areas) {
  DrainInput result;
  result.areas = std::move(areas);
  result.available_bytes = Value::of(1000 * kMi);
  result.cached_bytes = Value::of(0);
  result.reserve_bytes = 100 * kMi;
  return result;
}

TEST(DrainPlan, FitsUpToTheReserve) {
  EXPECT_TRUE(plan_drain(input({area("/a", 1, 900)})).is_safe());
  const DrainPlan plan = plan_drain(input({area("/a", 1, 901)}));
  EXPECT_FALSE(plan.is_safe());
  EXPECT_EQ(plan.room_bytes, 900 * kMi);
  EXPECT_EQ(plan.returning_bytes, 901 * kMi);
}

TEST(DrainPlan, WhatIsInTheSwapCacheNeedsNoRoom) {
  DrainInput some = input({area("/a", 1, 950)});
  some.cached_bytes = Value::of(50 * kMi);
  EXPECT_TRUE(plan_drain(some).is_safe());
  // With another area in use it may be that one's.
  some.areas.push_back(area("/b", 2, 60, false));
  EXPECT_FALSE(plan_drain(some).is_safe());
  some.areas.back().used_bytes = 0;
  EXPECT_TRUE(plan_drain(some).is_safe());
}

// A process of 400 MiB in a group of 256 MiB: 144 MiB are out and cannot come back.
TEST(DrainPlan, AGroupThatWouldBeFullIsInTheWay) {
  DrainInput some = input({area("/a", 1, 150)});
  some.groups = {group("/", std::nullopt, 5000, 150), group("/db", 256, 256, 144)};
  const DrainPlan plan = plan_drain(some);
  EXPECT_TRUE(plan.has_room);
  EXPECT_FALSE(plan.is_safe());
  ASSERT_EQ(plan.in_the_way.size(), 1u);
  EXPECT_EQ(plan.in_the_way[0].path, "/db");
  EXPECT_EQ(plan.in_the_way[0].returning_bytes, 144 * kMi);
  EXPECT_EQ(plan.in_the_way[0].needed_bytes, 403 * kMi);
  // The limit that it names does.
  some.groups[1].limit_bytes = plan.in_the_way[0].needed_bytes;
  EXPECT_TRUE(plan_drain(some).is_safe());
}

TEST(DrainPlan, TheGroupsAboveCountToo) {
  DrainInput some = input({area("/a", 1, 150)});
  some.groups = {group("/top", 300, 280, 100), group("/top/one", std::nullopt, 100, 50),
                 group("/top/two", 200, 150, 50)};
  const DrainPlan plan = plan_drain(some);
  ASSERT_EQ(plan.in_the_way.size(), 1u);
  EXPECT_EQ(plan.in_the_way[0].path, "/top");
}

TEST(DrainPlan, PageCacheMakesRoomFirst) {
  DrainInput some = input({area("/a", 1, 150)});
  some.groups = {group("/db", 256, 256, 100, 100)};
  EXPECT_TRUE(plan_drain(some).is_safe());
  some.groups = {group("/db", 256, 256, 100, 99)};
  EXPECT_FALSE(plan_drain(some).is_safe());
}

TEST(DrainPlan, OnlyWhatIsInTheChosenAreasComesBack) {
  DrainInput some = input({area("/a", 1, 10), area("/b", 2, 500, false)});
  some.groups = {group("/db", 256, 246, 144)};
  EXPECT_TRUE(plan_drain(some).is_safe());
  EXPECT_EQ(plan_drain(some).steps.size(), 1u);
}

TEST(DrainPlan, AGroupThatCannotBeReadIsTold) {
  DrainInput some = input({area("/a", 1, 10)});
  some.groups = {group("/db", 256, 246, 144)};
  some.groups[0].swap_bytes = Missing::not_permitted;
  const DrainPlan plan = plan_drain(some);
  EXPECT_EQ(plan.unknown_groups, std::vector<std::string>{"/db"});
}

TEST(DrainPlan, OrderLetsEachGetItsPriorityBack) {
  const DrainPlan plan =
      plan_drain(input({area("/20", 20, 1), area("/-3", -3, 1), area("/10", 10, 1), area("/-2", -2, 1)}));
  std::vector<std::string> order;
  for (const DrainArea& step : plan.steps) order.push_back(step.path);
  EXPECT_EQ(order, (std::vector<std::string>{"/-2", "/-3", "/10", "/20"}));
}

TEST(DrainPlan, TimeIsWhatIsUsedByTheRate) {
  DrainInput some = input({area("/a", 1, 100)});
  EXPECT_EQ(plan_drain(some).seconds, std::nullopt);
  some.bytes_per_second = 50.0 * kMi;
  EXPECT_DOUBLE_EQ(plan_drain(some).seconds.value_or(0), 2.0);
  some.bytes_per_second = 0.0;
  EXPECT_EQ(plan_drain(some).seconds, std::nullopt);
}

TEST(DrainPlan, ExtremesDoNotWrap) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  DrainInput some = input({area("/a", 1, 0), area("/b", 1, 0)});
  some.areas[0].used_bytes = some.areas[1].used_bytes = most;
  some.groups = {group("/db", 256, 1, 1)};
  some.groups[0].usage_bytes = some.groups[0].swap_bytes = Value::of(most);
  const DrainPlan plan = plan_drain(some);
  EXPECT_FALSE(plan.is_safe());
  ASSERT_EQ(plan.in_the_way.size(), 1u);
  EXPECT_GE(plan.in_the_way[0].needed_bytes, most - kMi);
  EXPECT_TRUE(plan_drain(input({})).is_safe());
  DrainInput unknown = input({area("/a", 1, 1)});
  unknown.available_bytes = Missing::not_supported;
  EXPECT_FALSE(plan_drain(unknown).is_safe());
  EXPECT_EQ(default_reserve(most), 1024 * kMi);
  EXPECT_EQ(default_reserve(1000 * kMi), 50 * kMi);
}

TEST(DrainPace, LooksAtTheLastSeconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  DrainPace pace;
  EXPECT_EQ(pace.seconds_left(), std::nullopt);
  pace.note(0, 1000);
  EXPECT_EQ(pace.seconds_left(), std::nullopt);
  pace.note(kSecond, 900);
  EXPECT_DOUBLE_EQ(pace.seconds_left().value_or(0), 9.0);
  for (int second = 2; second <= 20; ++second)
    pace.note(second * kSecond, static_cast<std::uint64_t>(900 - 10 * (second - 1)));
  EXPECT_DOUBLE_EQ(pace.bytes_per_second().value_or(0), 10.0);
  EXPECT_DOUBLE_EQ(pace.seconds_left().value_or(0), 71.0);
}

TEST(DrainPace, StandingStillHasNoEnd) {
  DrainPace pace;
  pace.note(0, 5);
  pace.note(1, 5);
  pace.note(2, 6);
  EXPECT_EQ(pace.seconds_left(), std::nullopt);
  pace.note(2, 1);
  pace.note(2, 0);
}

TEST(StallShare, LooksAtTheLastTwoSeconds) {
  constexpr std::int64_t kTenth = 100'000'000;
  StallShare stalls;
  EXPECT_EQ(stalls.share(), std::nullopt);
  stalls.note(0, Value::of(7'000'000));  // what was before does not count
  stalls.note(4 * kTenth, Value::of(7'400'000));
  EXPECT_EQ(stalls.share(), std::nullopt);
  stalls.note(5 * kTenth, Value::of(7'400'000));
  EXPECT_DOUBLE_EQ(stalls.share().value_or(0), 0.8);
  for (int tenth = 6; tenth <= 30; ++tenth) stalls.note(tenth * kTenth, Value::of(7'400'000));
  EXPECT_DOUBLE_EQ(stalls.share().value_or(1), 0.0);
  stalls.note(40 * kTenth, Missing::not_supported);
  stalls.note(41 * kTenth, Value::of(3));
  EXPECT_EQ(stalls.share(), std::nullopt);
}

}  // namespace
}  // namespace isotach::memory
