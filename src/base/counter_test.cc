#include "base/counter.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/ticker.h"
#include "base/value.h"

namespace isotach {
namespace {

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

TEST(CounterGrowth, IsTheDifference) {
  EXPECT_EQ(counter_growth(5, 12), 7u);
  EXPECT_EQ(counter_growth(5, 5), 0u);
  EXPECT_EQ(counter_growth(0, kLargest), kLargest);
  EXPECT_EQ(counter_growth(kLargest - 1, kLargest), 1u);
}

TEST(CounterGrowth, SeesAWrapAtTheWidthOfTheCounter) {
  EXPECT_EQ(counter_growth(0xffff'fff0, 0x10, 32), 0x20u);
  EXPECT_EQ(counter_growth(kLargest - 15, 16), 32u);
}

TEST(CounterGrowth, TakesAnyOtherStepBackForAReset) {
  EXPECT_EQ(counter_growth(1000, 10), std::nullopt);
  EXPECT_EQ(counter_growth(1000, 999), std::nullopt);
  EXPECT_EQ(counter_growth(1000, 10, 32), std::nullopt);
  // Wider than its width: not a counter of 32 bits at all.
  EXPECT_EQ(counter_growth(0x1'0000'0000, 5, 32), std::nullopt);
}

TEST(Ticker, KeepsItsDeadlinesWhenASampleIsLate) {
  Ticker ticker(100, 10);
  EXPECT_EQ(ticker.deadline_ns(), 100);
  ticker.advance(100);
  EXPECT_EQ(ticker.deadline_ns(), 110);
  ticker.advance(117);  // late by 7
  EXPECT_EQ(ticker.deadline_ns(), 120);
  EXPECT_EQ(ticker.missed(), 0u);
}

TEST(Ticker, LeavesOutAndCountsWhatHasPassed) {
  Ticker ticker(100, 10);
  ticker.advance(135);
  EXPECT_EQ(ticker.deadline_ns(), 140);
  EXPECT_EQ(ticker.missed(), 3u);  // 110, 120, 130
  ticker.advance(150);             // a deadline that is now has passed
  EXPECT_EQ(ticker.deadline_ns(), 160);
  EXPECT_EQ(ticker.missed(), 4u);
}

TEST(Value, KeepsTypeAndReason) {
  EXPECT_TRUE(Value().is_missing());
  EXPECT_EQ(Value(Missing::vanished).reason(), Missing::vanished);
  EXPECT_EQ(Value(Missing::vanished).as_real(), 0);
  EXPECT_EQ(Value::of(kLargest).as_unsigned(), kLargest);
  EXPECT_EQ(Value::of(7).as_signed(), 0);
  EXPECT_EQ(Value::of_signed(-7).as_real(), -7.0);
  EXPECT_EQ(Value::of_real(0.5).as_real(), 0.5);
}

TEST(Value, EqualityNeedsTheSameType) {
  EXPECT_EQ(Value::of(1), Value::of(1));
  EXPECT_FALSE(Value::of(1) == Value::of_signed(1));
  EXPECT_FALSE(Value(Missing::vanished) == Value(Missing::malformed));
  EXPECT_FALSE(Value(Missing::not_supported) == Value::of(0));
}

TEST(Value, EveryReasonHasItsText) {
  for (const Missing reason :
       {Missing::not_supported, Missing::not_permitted, Missing::vanished, Missing::malformed})
    EXPECT_FALSE(missing_text(reason).empty());
  EXPECT_NE(missing_text(Missing::vanished), missing_text(Missing::not_permitted));
}

}  // namespace
}  // namespace isotach
