#include "engine/os/interval_set.h"

#include <gtest/gtest.h>

#include <bitset>
#include <random>

namespace isotach::dbi {
namespace {

TEST(IntervalSet, JoinsWhatTouches) {
  IntervalSet<4> set;
  EXPECT_TRUE(set.add(10, 20));
  EXPECT_TRUE(set.add(30, 40));
  EXPECT_TRUE(set.add(20, 30));
  ASSERT_EQ(set.size(), 1U);
  EXPECT_EQ(set[0].low, 10U);
  EXPECT_EQ(set[0].high, 40U);
}

TEST(IntervalSet, RemovingFromTheMiddleLeavesTwo) {
  IntervalSet<4> set;
  set.add(10, 40);
  EXPECT_TRUE(set.remove(20, 30));
  ASSERT_EQ(set.size(), 2U);
  EXPECT_TRUE(set.contains(19));
  EXPECT_FALSE(set.contains(20));
  EXPECT_FALSE(set.contains(29));
  EXPECT_TRUE(set.contains(30));
}

TEST(IntervalSet, AFullOneStaysAsItWas) {
  IntervalSet<2> set;
  set.add(0, 10);
  set.add(20, 30);
  EXPECT_FALSE(set.add(40, 50));
  EXPECT_FALSE(set.remove(4, 6));
  EXPECT_EQ(set.size(), 2U);
  EXPECT_TRUE(set.contains(5));
  EXPECT_TRUE(set.add(10, 20));
  EXPECT_EQ(set.size(), 1U);
}

TEST(IntervalSet, AgreesWithASetOfBits) {
  std::mt19937 random(7);
  IntervalSet<128> set;
  std::bitset<200> bits;
  for (int round = 0; round < 20000; round++) {
    const uint64_t low = random() % 190, high = low + random() % 10;
    const bool adds = random() % 2;
    if (adds) {
      ASSERT_TRUE(set.add(low, high));
    } else {
      ASSERT_TRUE(set.remove(low, high));
    }
    for (uint64_t i = low; i < high; i++) bits[i] = adds;
    const uint64_t probe = random() % 200;
    ASSERT_EQ(set.contains(probe), bits[probe]);
    for (size_t i = 1; i < set.size(); i++) ASSERT_LT(set[i - 1].high, set[i].low);
  }
}

}  // namespace
}  // namespace isotach::dbi
