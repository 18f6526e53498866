#include "memory/swap/users.h"

#include <gtest/gtest.h>

#include <limits>

namespace isotach::memory {
namespace {

SwapProcess process(unsigned pid, const char* name, std::uint64_t swap,
                    Value share = Missing::not_permitted) {
  SwapProcess result;
  result.pid = pid;
  result.command = name;
  result.swap_bytes = swap;
  result.share_bytes = share;
  return result;
}

TEST(SwapUsers, WhatNobodyAccountsForIsTheRest) {
  const SwapAccount account =
      account_for(1000, Value::of(100), {process(1, "a", 500, Value::of(300)), process(2, "b", 200)});
  EXPECT_EQ(account.process_bytes, 500u);
  EXPECT_EQ(account.rest_bytes, 500u);
  EXPECT_EQ(account.least_rest_bytes, 400u);
  EXPECT_EQ(account.excess_bytes, 0u);
}

TEST(SwapUsers, TooMuchIsToldToo) {
  const SwapAccount account = account_for(400, Value::of(600), {process(1, "a", 500)});
  EXPECT_EQ(account.rest_bytes, 0u);
  EXPECT_EQ(account.excess_bytes, 100u);
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(
      account_for(0, Missing::not_supported, {process(1, "a", most), process(2, "b", most)}).excess_bytes,
      most);
  EXPECT_EQ(account_for(5, Value::of(most), {}).least_rest_bytes, 0u);
}

TEST(SwapUsers, AreSorted) {
  std::vector<SwapProcess> processes = {process(3, "b", 1, Value::of(1)), process(1, "c", 9, Value::of(2)),
                                        process(2, "a", 5, Value::of(5))};
  const auto pids = [&] {
    std::vector<unsigned> result;
    for (const SwapProcess& each : processes) result.push_back(each.pid);
    return result;
  };
  sort_users(processes, SwapOrder::swap);
  EXPECT_EQ(pids(), (std::vector<unsigned>{1, 2, 3}));
  sort_users(processes, SwapOrder::share);
  EXPECT_EQ(pids(), (std::vector<unsigned>{2, 1, 3}));
  sort_users(processes, SwapOrder::pid);
  EXPECT_EQ(pids(), (std::vector<unsigned>{1, 2, 3}));
  sort_users(processes, SwapOrder::name);
  EXPECT_EQ(pids(), (std::vector<unsigned>{2, 3, 1}));
}

TEST(SwapAreaNumbers, WithoutGapsTheyAreTheOrder) {
  EXPECT_EQ(number_areas({10, 20}, {{0, 10}, {1, 5}}), (std::vector<unsigned>{0, 1}));
  EXPECT_EQ(number_areas({10, 20}, {{1, 5}}), (std::vector<unsigned>{0, 1}));
  EXPECT_EQ(number_areas({}, {}), (std::vector<unsigned>{}));
}

TEST(SwapAreaNumbers, AGapIsFoundByWhatIsInUse) {
  // The area with number 0 was switched off.
  EXPECT_EQ(number_areas({10, 20}, {{1, 10}, {2, 5}}), (std::vector<unsigned>{1, 2}));
  const auto numbers = number_areas({0, 20}, {{0, 5}});
  ASSERT_TRUE(numbers);
  EXPECT_EQ((*numbers)[1], 0u);
  EXPECT_GT((*numbers)[0], 31u);
}

TEST(SwapAreaNumbers, WhatCannotBeKnownIsNotGuessed) {
  EXPECT_EQ(number_areas({10, 20, 30}, {{1, 10}, {5, 5}}), std::nullopt);
  EXPECT_EQ(number_areas({10}, {{1, 10}, {5, 5}}), std::nullopt);
}

}  // namespace
}  // namespace isotach::memory
