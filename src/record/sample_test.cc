#include "record/sample.h"

#include <gtest/gtest.h>

namespace isotach::record {
namespace {

TEST(Sample, FindsByBisectionAndByIndex) {
  Sample sample;
  sample.points = {{0, Value::of(1)}, {1, Value::of(2)}, {5, Value::of(3)}, {9, Value::of(4)}};
  EXPECT_EQ(*sample.find(1), Value::of(2));
  EXPECT_EQ(*sample.find(5), Value::of(3));
  EXPECT_EQ(*sample.find(9), Value::of(4));
  EXPECT_EQ(sample.find(2), nullptr);
  EXPECT_EQ(sample.find(3), nullptr);
  EXPECT_EQ(sample.find(10), nullptr);
  EXPECT_EQ(Sample{}.find(0), nullptr);
}

TEST(Sample, SortKeepsTheFirstPointOfASeries) {
  Sample sample;
  sample.points = {{7, Value::of(1)}, {1, Value::of(2)}, {7, Value::of(3)}, {1, Value::of(4)}};
  sample.sort();
  ASSERT_EQ(sample.points.size(), 2u);
  EXPECT_EQ(*sample.find(1), Value::of(2));
  EXPECT_EQ(*sample.find(7), Value::of(1));
}

TEST(EventKind, NamesReadBack) {
  for (const EventKind kind :
       {EventKind::start, EventKind::peak, EventKind::end, EventKind::mark, EventKind::warning})
    EXPECT_EQ(event_kind_from_name(event_kind_name(kind)), kind);
  EXPECT_EQ(event_kind_from_name("of a later version"), EventKind::mark);
}

}  // namespace
}  // namespace isotach::record
