#include "memory/ksm/course.h"

#include <gtest/gtest.h>

#include <cmath>

namespace isotach::memory {
namespace {

constexpr std::int64_t kStep = 20'000'000;
constexpr double kPages = 1000;
constexpr double kPage = 4096;

// Ten samples before, filling for five, noted for twenty, merged in ten, held for ten, gone for five.
std::vector<MergeSample> usual(double others = 0) {
  std::vector<MergeSample> samples;
  const auto add = [&](std::optional<double> resident, double merged) {
    MergeSample sample;
    sample.time_ns = static_cast<std::int64_t>(samples.size()) * kStep;
    sample.free_bytes = 1e9 - resident.value_or(0) + merged * kPage;
    sample.resident_bytes = resident;
    if (resident) sample.merged_pages = merged;
    sample.shared_pages = std::ceil(merged / 256) + others;
    sample.sharing_pages = merged - std::ceil(merged / 256) + others;
    sample.unsettled_pages = resident ? kPages - merged : 0;
    sample.profit_bytes = sample.sharing_pages * kPage -
                          (sample.shared_pages + sample.sharing_pages + sample.unsettled_pages) * 64;
    samples.push_back(sample);
  };
  for (int i = 0; i < 10; ++i) add(std::nullopt, 0);
  for (int i = 1; i <= 5; ++i) add(kPages * kPage * i / 5, 0);
  for (int i = 0; i < 20; ++i) add(kPages * kPage, 0);
  for (int i = 1; i <= 10; ++i) add(kPages * kPage, kPages * i / 10);
  for (int i = 0; i < 10; ++i) add(kPages * kPage, kPages);
  for (int i = 0; i < 5; ++i) add(std::nullopt, 0);
  return samples;
}

TEST(MergeCourse, FindsEveryMomentInTheSamples) {
  const auto samples = usual();
  const MergeCourse course = find_course(samples);
  EXPECT_EQ(course.start, 10U);
  EXPECT_EQ(course.maximum, 14U);
  EXPECT_EQ(course.merge_begin, 35U);
  EXPECT_EQ(course.merge_end, 44U);
  EXPECT_EQ(course.end, 55U);
  EXPECT_EQ(course.merged_pages, kPages);
  const auto moments = moments_of(samples, course);
  ASSERT_EQ(moments.size(), 4U);
  EXPECT_EQ(moments[0].time_ns, 9 * kStep);
  EXPECT_EQ(moments[3].time_ns, 59 * kStep);
}

TEST(MergeCourse, WithoutTheNumbersOfTheProcessThoseOfTheMachineServe) {
  auto samples = usual(7);
  for (MergeSample& sample : samples) sample.merged_pages.reset();
  const MergeCourse course = find_course(samples);
  EXPECT_EQ(course.merge_begin, 35U);
  EXPECT_EQ(course.merge_end, 44U);
}

TEST(MergeCourse, WhatDidNotHappenIsNotFound) {
  EXPECT_FALSE(find_course({}).start);
  auto samples = usual();
  samples.resize(30);  // cut short before anything was merged
  const MergeCourse course = find_course(samples);
  EXPECT_TRUE(course.maximum);
  EXPECT_FALSE(course.merge_begin);
  EXPECT_FALSE(course.merge_end);
  EXPECT_FALSE(course.end);
  EXPECT_TRUE(check_identities(samples, course, 1000, 256, 4096).empty());
  EXPECT_FALSE(compare_with_trace(samples, course, kStep, 0, 0));
  samples.resize(5);  // before the program
  EXPECT_FALSE(find_course(samples).start);
  EXPECT_EQ(moments_of(samples, find_course(samples)).size(), 1U);
}

TEST(MergeCourse, APageThatIsWrittenToAndMergedAgainDoesNotMoveTheEnd) {
  auto samples = usual();
  samples[50].merged_pages = kPages - 5;
  EXPECT_EQ(find_course(samples).merge_end, 44U);
}

TEST(MergeCourse, IdentitiesHoldAndAreSeenToBeBroken) {
  for (const double others : {0.0, 100.0}) {  // what was merged before does not count
    const auto samples = usual(others);
    const auto identities = check_identities(samples, find_course(samples), 1000, 256, 4096);
    ASSERT_EQ(identities.size(), 4U);
    for (const MergeIdentity& identity : identities)
      EXPECT_TRUE(identity.holds()) << identity.text << ' ' << identity.left << ' ' << identity.right;
  }
  const auto samples = usual();
  EXPECT_FALSE(check_identities(samples, find_course(samples), 1001, 256, 4096)[0].holds());
  EXPECT_FALSE(check_identities(samples, find_course(samples), 1000, 255, 4096)[1].holds() &&
               check_identities(samples, find_course(samples), 1000, 100, 4096)[1].holds());
}

TEST(MergeCourse, AgreesWithTheTraceWithinTwoPeriods) {
  const auto samples = usual();
  const MergeCourse course = find_course(samples);
  const auto compare = [&](std::int64_t first_ns, std::int64_t last_ns) {
    return compare_with_trace(samples, course, kStep, first_ns, last_ns)->agrees();
  };
  EXPECT_TRUE(compare(34 * kStep + 1, 44 * kStep - 1));
  EXPECT_TRUE(compare(33 * kStep, 46 * kStep));
  EXPECT_FALSE(compare(33 * kStep - 1, 44 * kStep));
  EXPECT_FALSE(compare(35 * kStep, 42 * kStep - 1));
}

}  // namespace
}  // namespace isotach::memory
