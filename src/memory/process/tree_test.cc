#include "memory/process/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace isotach::memory {
namespace {

using kernel::ProcessField;
using kernel::ProcessReading;
using ::testing::ElementsAre;

TEST(ProcessTree, TakesDescendantsInAnyOrder) {
  ProcessTree tree(10);
  // 13 stands before its parent 30, whose parent is 20: numbers start again from the bottom.
  tree.add({{1, 0}, {13, 30}, {20, 10}, {25, 1}, {30, 20}});
  EXPECT_THAT(tree.members(), ElementsAre(10, 20, 30, 13));
  tree.add({{40, 25}, {41, 13}, {20, 10}});
  EXPECT_THAT(tree.members(), ElementsAre(10, 20, 30, 13, 41));
  tree.remove(20);
  EXPECT_THAT(tree.members(), ElementsAre(10, 30, 13, 41));
}

TEST(ProcessTree, SurvivesACircleAndHasALimit) {
  ProcessTree tree(10);
  tree.add({{10, 11}, {11, 10}, {12, 12}});
  EXPECT_THAT(tree.members(), ElementsAre(10, 11));
  std::vector<kernel::ProcessLister::Found> many;
  for (unsigned pid = 100; pid < 1100; ++pid) many.push_back({pid, 10});
  tree.add(many);
  EXPECT_EQ(tree.members().size(), ProcessTree::kMemberLimit);
  EXPECT_GT(tree.refused(), 0u);
}

ProcessReading member(unsigned pid, std::uint64_t pages, std::uint64_t faults,
                      std::uint64_t children_faults = 0) {
  ProcessReading reading;
  reading.pid = pid;
  reading.state = 'S';
  reading.values.fill(Value::of(0));
  reading[ProcessField::resident_pages] = Value::of(pages);
  reading[ProcessField::minor_faults] = Value::of(faults);
  reading[ProcessField::children_minor_faults] = Value::of(children_faults);
  reading[ProcessField::cpu_ns] = Value::of(faults * 10);
  reading[ProcessField::threads] = Value::of(2);
  reading[ProcessField::age_ns] = Value::of(pid);
  return reading;
}

TEST(TreeSum, AddsUpUnderTheNameOfTheRoot) {
  TreeSum sum;
  ProcessReading total;
  sum.sum({member(1, 10, 100), member(2, 20, 200, 50)}, total);
  EXPECT_EQ(total.pid, 1u);
  EXPECT_EQ(total[ProcessField::resident_pages], Value::of(30));
  EXPECT_EQ(total[ProcessField::minor_faults], Value::of(350));
  EXPECT_EQ(total[ProcessField::children_minor_faults], Value::of(0));
  EXPECT_EQ(total[ProcessField::threads], Value::of(4));
  EXPECT_EQ(total[ProcessField::age_ns], Value::of(1));
  // A sum of peaks is no peak.
  EXPECT_TRUE(total[ProcessField::peak_resident_kib].is_missing());
}

TEST(TreeSum, WhatAChildCountedStaysWhenItEnds) {
  TreeSum sum;
  ProcessReading total;
  sum.sum({member(1, 10, 100), member(2, 20, 200)}, total);
  EXPECT_EQ(total[ProcessField::minor_faults], Value::of(300));
  sum.sum({member(1, 10, 110, 205)}, total);  // it was waited for
  EXPECT_EQ(total[ProcessField::minor_faults], Value::of(315));
  EXPECT_EQ(total[ProcessField::resident_pages], Value::of(10));
}

TEST(TreeSum, CountersNeverGoBack) {
  TreeSum sum;
  ProcessReading total;
  sum.sum({member(1, 10, 100), member(2, 20, 200)}, total);
  sum.sum({member(1, 10, 100)}, total);  // a child that nobody waits for leaves no trace
  EXPECT_EQ(total[ProcessField::minor_faults], Value::of(300));
  EXPECT_EQ(total[ProcessField::cpu_ns], Value::of(3000));
}

TEST(TreeSum, ASumOfSomeIsNotTheSum) {
  TreeSum sum;
  ProcessReading total;
  ProcessReading hidden = member(2, 20, 200);
  hidden[ProcessField::proportional_kib] = Missing::not_permitted;
  sum.sum({member(1, 10, 100), hidden}, total);
  EXPECT_EQ(total[ProcessField::proportional_kib], Value(Missing::not_permitted));
  EXPECT_EQ(total[ProcessField::resident_pages], Value::of(30));
}

TEST(TreeSum, AnEndedMemberHasNoMemoryButItsCounters) {
  TreeSum sum;
  ProcessReading total;
  ProcessReading zombie = member(2, 0, 200);
  zombie.state = 'Z';
  zombie[ProcessField::threads] = Value::of(1);
  zombie[ProcessField::swap_kib] = Missing::not_supported;
  zombie[ProcessField::proportional_kib] = Missing::vanished;
  ProcessReading ending = member(3, 0, 5);  // its memory is gone, its state not yet Z
  ending[ProcessField::swap_kib] = Missing::not_supported;
  sum.sum({member(1, 10, 100), zombie, ending}, total);
  EXPECT_EQ(total[ProcessField::swap_kib], Value::of(0));
  EXPECT_EQ(total[ProcessField::proportional_kib], Value::of(0));
  EXPECT_EQ(total[ProcessField::minor_faults], Value::of(305));
}

TEST(TreeSum, OverflowIsMalformed) {
  TreeSum sum;
  ProcessReading total;
  sum.sum({member(1, std::numeric_limits<std::uint64_t>::max(), 1), member(2, 1, 1)}, total);
  EXPECT_EQ(total[ProcessField::resident_pages], Value(Missing::malformed));
}

}  // namespace
}  // namespace isotach::memory
