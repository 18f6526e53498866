#include "network/nettest/datagram.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "network/nettest/pacer.h"

namespace isotach::nettest {
namespace {

Arrivals arrivals_of(std::initializer_list<std::uint64_t> numbers) {
  Arrivals arrivals;
  for (const std::uint64_t number : numbers)
    arrivals.add({static_cast<std::int64_t>(number) * 1000, number},
                 static_cast<std::int64_t>(number) * 1000 + 50);
  return arrivals;
}

TEST(Datagram, keepsItsHead) {
  for (const bool wide : {false, true}) {
    std::string datagram(16, 'x');
    const DatagramHead head = {1'234'567'890'123, wide ? 0x123456789aull : 0x89abcdefull};
    write_head(datagram, head, wide);
    const auto got = read_head(datagram, wide);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->sent_us, head.sent_us);
    EXPECT_EQ(got->number, head.number);
    EXPECT_FALSE(read_head(std::string_view(datagram).substr(0, head_bytes(wide) - 1), wide));
  }
}

TEST(Arrivals, countsWhatDidNotCome) {
  const Arrivals arrivals = arrivals_of({1, 2, 5, 6});
  EXPECT_EQ(arrivals.received(), 4u);
  EXPECT_EQ(arrivals.highest(), 6u);
  EXPECT_EQ(arrivals.lost(), 2u);
  EXPECT_EQ(arrivals.out_of_order(), 0u);
}

TEST(Arrivals, tellsLateFromTwice) {
  const Arrivals arrivals = arrivals_of({1, 3, 2, 3, 2, 4});
  EXPECT_EQ(arrivals.lost(), 0u);
  EXPECT_EQ(arrivals.out_of_order(), 1u);
  EXPECT_EQ(arrivals.duplicates(), 2u);
  EXPECT_EQ(arrivals.received(), 6u);
}

TEST(Arrivals, doesNotLetDuplicatesHideLosses) {
  // iperf3 counts each of these as late, and one loss less.
  const Arrivals arrivals = arrivals_of({1, 2, 5, 5, 5, 5});
  EXPECT_EQ(arrivals.lost(), 2u);
  EXPECT_EQ(arrivals.duplicates(), 3u);
}

TEST(Arrivals, survivesLongGaps) {
  const Arrivals arrivals = arrivals_of({1, 20000, 15000, 15000, 2});
  EXPECT_EQ(arrivals.highest(), 20000u);
  EXPECT_EQ(arrivals.out_of_order(), 2u);
  EXPECT_EQ(arrivals.duplicates(), 1u);
  EXPECT_EQ(arrivals.lost(), 19996u);
}

TEST(Arrivals, ignoresForeignDatagrams) {
  const Arrivals arrivals = arrivals_of({1, 2, 0, 0xffffffffffffull, 3});
  EXPECT_EQ(arrivals.received(), 3u);
  EXPECT_EQ(arrivals.lost(), 0u);
}

TEST(Arrivals, smoothsTheChangeOfTheTransitTime) {
  Arrivals arrivals;
  arrivals.add({0, 1}, 100);
  arrivals.add({1000, 2}, 1100);
  EXPECT_EQ(arrivals.jitter_us(), 0);
  arrivals.add({2000, 3}, 2260);  // 160 us later than the one before
  EXPECT_DOUBLE_EQ(arrivals.jitter_us(), 10);
  arrivals.add({3000, 4}, 3260);
  EXPECT_DOUBLE_EQ(arrivals.jitter_us(), 10 - 10.0 / 16);
}

TEST(Pacer, keepsItsDistanceWhenWokenInTime) {
  Pacer pacer(0, 100);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(pacer.due_ns(), i * 100);
    pacer.sent(pacer.due_ns() + 10);
  }
  EXPECT_EQ(pacer.late(), 0u);
}

TEST(Pacer, makesUpForALateWakeUpWithoutABurst) {
  Pacer pacer(0, 1000);
  pacer.sent(0);
  std::int64_t now_ns = 20'500;  // woken 19.5 distances late
  pacer.sent(now_ns);
  int steps = 1;
  while (pacer.due_ns() < 200'000) {
    const std::int64_t due_ns = pacer.due_ns();
    EXPECT_GE(due_ns - now_ns, 750);
    now_ns = due_ns;
    pacer.sent(now_ns);
    ++steps;
  }
  // The average is reached again: a piece for each distance since the start.
  EXPECT_NEAR(steps, 199, 1);
  EXPECT_GT(pacer.late(), 0u);
  EXPECT_EQ(pacer.skipped(), 0u);
}

TEST(Pacer, givesTcpAtOnceWhatAShortStopMissed) {
  Pacer pacer(0, 1'000'000, Pacer::CatchUp::at_once);
  pacer.sent(20'000'000);
  for (int i = 1; i <= 20; ++i) {
    EXPECT_LE(pacer.due_ns(), 20'000'000);
    pacer.sent(20'000'000);
  }
  EXPECT_EQ(pacer.due_ns(), 21'000'000);
  pacer.sent(90'000'000);
  EXPECT_EQ(pacer.skipped(), 69u);
  EXPECT_EQ(pacer.due_ns(), 91'000'000);
}

TEST(Pacer, doesNotMakeUpForALongStop) {
  Pacer pacer(0, 1'000'000);
  pacer.sent(0);
  pacer.sent(1'001'000'000);
  EXPECT_EQ(pacer.skipped(), 1000u);
  EXPECT_EQ(pacer.due_ns(), 1'002'000'000);
}

TEST(DelayVariation, countsFromTheShortestTransit) {
  DelayVariation variation;
  for (const std::int64_t transit_ns : {-50'000, -49'000, -60'000, -10'000}) variation.add(transit_ns);
  const Histogram& values = variation.values();
  EXPECT_EQ(values.count(), 4U);
  EXPECT_EQ(values.minimum(), 0U);
  EXPECT_EQ(values.maximum(), 50'000U);
  EXPECT_NEAR(static_cast<double>(values.quantile(0.5)), 10'000, 200);
  EXPECT_NEAR(static_cast<double>(values.quantile(0.75)), 11'000, 200);
}

}  // namespace
}  // namespace isotach::nettest
