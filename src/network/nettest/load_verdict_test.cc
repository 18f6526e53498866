#include "network/nettest/load_verdict.h"

#include <gtest/gtest.h>

namespace isotach::nettest {
namespace {

LoadLatency latency_of(std::uint64_t idle_ms, std::uint64_t loaded_ms) {
  LoadLatency latency;
  latency.idle_ns.add(idle_ms * 1'000'000, 100);
  latency.loaded_ns.add(loaded_ms * 1'000'000, 100);
  return latency;
}

TEST(LoadLatency, GradesTheIncrease) {
  EXPECT_EQ(judge(latency_of(10, 12))->grade, "A+");
  EXPECT_EQ(judge(latency_of(10, 30))->grade, "A");
  EXPECT_EQ(judge(latency_of(10, 65))->grade, "B");
  EXPECT_EQ(judge(latency_of(10, 150))->grade, "C");
  EXPECT_EQ(judge(latency_of(10, 350))->grade, "D");
  EXPECT_EQ(judge(latency_of(10, 900))->grade, "F");
  EXPECT_EQ(judge(latency_of(10, 5))->increase_ns, 0);
}

TEST(LoadLatency, CountsRoundTripsOfAMinute) {
  LoadLatency latency = latency_of(10, 60);
  EXPECT_NEAR(judge(latency)->round_trips_per_minute, 1000, 1);
  latency.stream_rtt_ns = 180e6;
  EXPECT_NEAR(judge(latency)->round_trips_per_minute, 500, 1);
}

TEST(LoadLatency, FewSlowOnesDoNotDecide) {
  LoadLatency latency = latency_of(10, 12);
  latency.loaded_ns.add(5'000'000'000, 4);
  EXPECT_EQ(judge(latency)->grade, "A+");
}

TEST(LoadLatency, SaysNothingOfHalf) {
  EXPECT_FALSE(judge(LoadLatency{}));
}

}  // namespace
}  // namespace isotach::nettest
