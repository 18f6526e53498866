#include "network/nettest/admission.h"

#include <gtest/gtest.h>

namespace isotach::nettest {
namespace {

TEST(Admission, AClosedLoopAsksWhenAnAnswerHasCome) {
  Admission admission(0, 2);
  EXPECT_EQ(admission.next(100, 0), 100);
  EXPECT_EQ(admission.next(110, 1), 110);
  EXPECT_EQ(admission.next(120, 2), std::nullopt);
  EXPECT_EQ(admission.due_ns(2), Admission::kNever);
  EXPECT_EQ(admission.due_ns(1), 0);
}

TEST(Admission, AnOpenLoopAsksAtEvenDistances) {
  Admission admission(1000, 8);
  EXPECT_EQ(admission.next(5'000'000, 0), 5'000'000);
  EXPECT_EQ(admission.next(5'999'999, 0), std::nullopt);
  EXPECT_EQ(admission.due_ns(0), 6'000'000);
  EXPECT_EQ(admission.next(6'000'100, 1), 6'000'000);
}

TEST(Admission, WhatWasDueInAStallCountsFromWhenItWasDue) {
  Admission admission(1000, 1);
  ASSERT_EQ(admission.next(0, 0), 0);
  // The answer takes 10 ms; nine requests were due meanwhile.
  EXPECT_EQ(admission.next(9'500'000, 1), std::nullopt);
  EXPECT_EQ(admission.owed(9'500'000), 9U);
  for (std::int64_t due_ms = 1; due_ms <= 9; ++due_ms)
    EXPECT_EQ(admission.next(9'900'000, 0), due_ms * 1'000'000);
  EXPECT_EQ(admission.next(9'900'000, 0), std::nullopt);
  EXPECT_EQ(admission.owed(9'900'000), 0U);
}

TEST(Admission, DistancesThatAreNoWholeNanosecondsDoNotDrift) {
  Admission admission(3, 1);
  ASSERT_EQ(admission.next(0, 0), 0);
  std::int64_t last = 0;
  for (int i = 1; i < 30'000; ++i) last = *admission.next(20'000'000'000'000, 0);
  EXPECT_NEAR(static_cast<double>(last), 29'999 / 3.0 * 1e9, 2);
}

}  // namespace
}  // namespace isotach::nettest
