#include "network/nettest/confidence.h"

#include <gtest/gtest.h>

namespace isotach::nettest {
namespace {

// Tables of Student's distribution.
TEST(Confidence, KnowsStudentsDistribution) {
  EXPECT_NEAR(student_t(0.95, 1), 12.706, 0.001);
  EXPECT_NEAR(student_t(0.95, 4), 2.776, 0.001);
  EXPECT_NEAR(student_t(0.99, 2), 9.925, 0.001);
  EXPECT_NEAR(student_t(0.99, 29), 2.756, 0.001);
  EXPECT_NEAR(student_t(0.95, 100'000), 1.960, 0.001);
}

TEST(Confidence, OfRuns) {
  EXPECT_FALSE(estimate_runs({5}, 0.95));
  const auto estimate = estimate_runs({9, 10, 11}, 0.95);
  ASSERT_TRUE(estimate);
  EXPECT_DOUBLE_EQ(estimate->mean, 10);
  EXPECT_NEAR(estimate->half_width, 4.303 / 1.7320508, 0.001);
  EXPECT_NEAR(estimate->relative(), 0.248, 0.001);
}

TEST(Confidence, NeighboursThatResembleEachOtherCountForLess) {
  std::vector<double> mixed;
  std::vector<double> slow;
  for (int i = 0; i < 64; ++i) {
    mixed.push_back(i % 2 == 0 ? 9 : 11);
    slow.push_back(i < 32 ? 9 : 11);
  }
  const auto of_mixed = estimate_sequence(mixed, 0.95);
  const auto of_slow = estimate_sequence(slow, 0.95);
  ASSERT_TRUE(of_mixed && of_slow);
  EXPECT_DOUBLE_EQ(of_mixed->mean, of_slow->mean);
  EXPECT_GT(of_slow->half_width, 2 * of_mixed->half_width);
  EXPECT_FALSE(estimate_sequence({1, 2, 3}, 0.95));
}

}  // namespace
}  // namespace isotach::nettest
