#include "memory/ksm/merge_time.h"

#include <gtest/gtest.h>

namespace isotach::memory {
namespace {

struct Measured {
  MergeSettings settings;
  double first_s;
  double settled_s;
};

// 512 MiB of equal pages, measured on Linux 6.18 with 250 ticks a second.
constexpr std::uint64_t kPages = 131072;
constexpr Measured kMeasured[] = {
    {{100, 20}, 32.7, 65.0}, {{1000, 20}, 3.24, 6.54}, {{5000, 20}, 0.77, 1.87}, {{20000, 20}, 0.41, 1.11}};

TEST(MergeTime, AgreesWithWhatWasMeasured) {
  for (const Measured& measured : kMeasured) {
    const MergeTime time = predict_merge_time(kPages, measured.settings, MergeCost());
    EXPECT_TRUE(time.finite);
    EXPECT_NEAR(time.first_merge_ns / 1e9 / measured.first_s, 1, 0.15) << measured.settings.pages_to_scan;
    EXPECT_NEAR(time.settled_ns / 1e9 / measured.settled_s, 1, 0.15) << measured.settings.pages_to_scan;
  }
}

TEST(MergeTime, OneBatchHoldsAllOfFewPages) {
  const MergeTime time = predict_merge_time(50, {100, 20}, MergeCost());
  EXPECT_NEAR(time.first_merge_ns, 24e6, 1e6);
  EXPECT_NEAR(time.settled_ns, 24e6, 1e6);
}

TEST(MergeTime, KnowsTheEnds) {
  EXPECT_EQ(predict_merge_time(0, {0, 20}, MergeCost()).settled_ns, 0);
  EXPECT_FALSE(predict_merge_time(1, {0, 20}, MergeCost()).finite);
  // Without a sleep ksmd takes a whole processor.
  EXPECT_EQ(predict_merge_time(1000, {100, 0}, MergeCost()).idle_cpu_share, 1);
  const MergeTime largest = predict_merge_time(~std::uint64_t{0}, {1, ~std::uint64_t{0}}, MergeCost());
  EXPECT_GT(largest.settled_ns, 0);
}

TEST(MergeTime, RecommendsWhatMergesInTime) {
  const MergeCost cost;
  for (const std::uint64_t pages : {1000u, 20000u, 131072u, 500000u}) {
    const MergeSettings settings = recommend_settings(pages, 20, 60e9, cost);
    const MergeTime time = predict_merge_time(pages, settings, cost);
    EXPECT_LE(time.settled_ns, 60e9) << pages;
    EXPECT_LE(time.idle_cpu_share, 0.11) << pages;
  }
  // A little memory: as the kernel has it.
  EXPECT_EQ(recommend_settings(1000, 20, 60e9, cost).pages_to_scan, 100u);
  // So much memory that a tenth of a processor does not suffice.
  const MergeSettings large = recommend_settings(100'000'000, 20, 60e9, cost);
  EXPECT_GT(predict_merge_time(100'000'000, large, cost).settled_ns, 60e9);
  EXPECT_LE(predict_merge_time(100'000'000, large, cost).idle_cpu_share, 0.11);
  // Asked for no sleep, nothing needs to be done.
  EXPECT_EQ(recommend_settings(100000, 0, 60e9, cost).pages_to_scan, 100u);
}

TEST(MergeTime, FindsTheTickOfThisKernel) {
  const MergeCost cost = merge_cost_here();
  EXPECT_GE(cost.tick_ns, 1e5);
  EXPECT_LE(cost.tick_ns, 1e8);
}

}  // namespace
}  // namespace isotach::memory
