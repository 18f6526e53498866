#include "memory/ksm/linear_program.h"

#include <gtest/gtest.h>

namespace isotach::memory {
namespace {

TEST(LinearProgram, FindsTheCorner) {
  // x + y <= 4, x + 3y <= 6, x <= 3; the most of 3x + 5y is at (3, 1).
  const std::vector<LinearRow> rows = {{{1, 1}, 0, 4}, {{1, 3}, 0, 6}, {{1, 0}, 0, 3}};
  const auto found = minimum({-3, -5}, rows);
  ASSERT_TRUE(found);
  EXPECT_NEAR(*found, -14, 1e-6);
}

TEST(LinearProgram, KeepsToLowerLimits) {
  // 2 <= x + y <= 10, 1 <= y - x <= 1: the smallest of x + 2y is at (0.5, 1.5).
  const std::vector<LinearRow> rows = {{{1, 1}, 2, 10}, {{-1, 1}, 1, 1}};
  const auto found = minimum({1, 2}, rows);
  ASSERT_TRUE(found);
  EXPECT_NEAR(*found, 3.5, 1e-6);
}

TEST(LinearProgram, SaysWhenThereIsNoAnswer) {
  EXPECT_FALSE(minimum({1}, {{{1}, 2, 3}, {{1}, 5, 6}}));
  EXPECT_FALSE(minimum({-1, 0}, {{{0, 1}, 0, 1}}));  // as small as one likes
}

TEST(LinearProgram, CopesWithVeryDifferentScales) {
  const std::vector<LinearRow> rows = {{{1, 2, 1000}, 1e7, 1e7}, {{1e-3, 2e-3, 0.5}, 100, 6000}};
  const auto least = minimum({1, 1, 1}, rows);
  ASSERT_TRUE(least);
  const auto most = minimum({-1, -1, -1}, rows);
  ASSERT_TRUE(most);
  EXPECT_NEAR(*least, 10000, 1);
  EXPECT_NEAR(-*most, 2.008e6, 100);  // 2e6 of the first, 8000 of the third
}

}  // namespace
}  // namespace isotach::memory
