#include "view/plot/trace.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace isotach::view {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(VisiblePoints, AreCutAtTheEdgesOfTheTimeAxis) {
  const std::vector<DataPoint> points = {{0, 0}, {10, 10}, {20, 0}, {30, 30}};
  const auto visible = visible_points(points, 5, 25);
  ASSERT_EQ(visible.size(), 4u);
  EXPECT_EQ(visible[0].time_ns, 5);
  EXPECT_DOUBLE_EQ(visible[0].value, 5);
  EXPECT_DOUBLE_EQ(visible[3].value, 15);
  // A window between two points shows the line that passes through it.
  const auto passing = visible_points(points, 12, 14);
  ASSERT_EQ(passing.size(), 2u);
  EXPECT_DOUBLE_EQ(passing[0].value, 8);
  EXPECT_DOUBLE_EQ(passing[1].value, 6);
}

TEST(VisiblePoints, DoNotBridgeGaps) {
  const std::vector<DataPoint> points = {{0, 1}, {10, kNan}, {20, 2}};
  EXPECT_EQ(visible_points(points, 5, 15).size(), 1u);
  EXPECT_EQ(visible_points(points, 12, 30).size(), 1u);
  EXPECT_TRUE(visible_points(points, 21, 30).empty());
  EXPECT_TRUE(visible_points({}, 0, 1).empty());
}

TEST(Decimate, KeepsTheLeastAndTheGreatestOfEachColumn) {
  std::mt19937_64 random(3);
  for (int run = 0; run < 200; ++run) {
    std::vector<DataPoint> points;
    const int count = 1000 + static_cast<int>(random() % 5000);
    for (int i = 0; i < count; ++i) {
      const bool gap = random() % 50 == 0;
      const double spike = random() % 900 == 0 ? 1e6 : 1;
      points.push_back({i, gap ? kNan : spike * std::uniform_real_distribution<double>(-1, 1)(random)});
    }
    const int columns = 10 + static_cast<int>(random() % 200);
    const auto kept = decimate(points, 0, count, columns);
    EXPECT_LE(kept.size(), static_cast<std::size_t>(columns) * 6);
    const auto column_of = [&](const DataPoint& point) {
      return static_cast<int>(static_cast<double>(point.time_ns) / count * columns);
    };
    std::vector<std::optional<Range>> before(columns), after(columns);
    for (const DataPoint& point : points)
      if (!point.is_gap()) include(before[column_of(point)], point.value);
    for (const DataPoint& point : kept)
      if (!point.is_gap()) include(after[column_of(point)], point.value);
    EXPECT_EQ(before, after);
    for (std::size_t i = 1; i < kept.size(); ++i) ASSERT_LE(kept[i - 1].time_ns, kept[i].time_ns);
  }
}

TEST(Decimate, KeepsWideGaps) {
  std::vector<DataPoint> points;
  for (int i = 0; i < 1000; ++i) points.push_back({i, i >= 400 && i < 600 ? kNan : 1});
  const Trace trace = trace_of(points, 0, 1000, 50, {0, 2});
  ASSERT_EQ(trace.lines.size(), 2u);
  EXPECT_LE(trace.lines[0].back().time_ns, 400);
  EXPECT_GE(trace.lines[1].front().time_ns, 600);
}

TEST(Trace, CutsAtAFixedAxisAndTellsWhatIsOutside) {
  const std::vector<DataPoint> points = {{0, 5}, {10, 15}, {20, 5}, {30, -5}, {40, 15}};
  const Trace trace = trace_of(points, 0, 40, 100, {0, 10});
  ASSERT_EQ(trace.lines.size(), 3u);
  EXPECT_EQ(trace.lines[0].back().time_ns, 5);
  EXPECT_DOUBLE_EQ(trace.lines[0].back().value, 10);
  EXPECT_EQ(trace.lines[1].front().time_ns, 15);
  EXPECT_EQ(trace.lines[1].back().time_ns, 25);
  // From below to above in one step: the part in between is drawn.
  EXPECT_DOUBLE_EQ(trace.lines[2].front().value, 0);
  EXPECT_DOUBLE_EQ(trace.lines[2].back().value, 10);
  ASSERT_EQ(trace.above.size(), 2u);
  ASSERT_EQ(trace.below.size(), 1u);
}

TEST(Trace, EveryDrawnPointIsInsideAndEveryOtherIsReported) {
  std::mt19937_64 random(11);
  for (int run = 0; run < 500; ++run) {
    std::vector<DataPoint> points;
    const int count = static_cast<int>(random() % 60);
    std::size_t inside = 0, outside = 0;
    const Range range{-1, 1};
    for (int i = 0; i < count; ++i) {
      const double value = random() % 8 == 0 ? kNan : std::uniform_real_distribution<double>(-2, 2)(random);
      points.push_back({i, value});
      if (std::isfinite(value)) ++(range.contains(value) ? inside : outside);
    }
    const Trace trace = trace_of(points, 0, std::max(1, count), 100, range);
    EXPECT_EQ(trace.above.size() + trace.below.size(), outside);
    std::size_t drawn = 0;
    for (const auto& line : trace.lines) {
      ASSERT_FALSE(line.empty());
      for (const DataPoint& point : line) {
        ASSERT_TRUE(range.contains(point.value));
        for (const DataPoint& original : points)
          drawn += original.time_ns == point.time_ns && original.value == point.value;
      }
    }
    EXPECT_EQ(drawn, inside);
  }
}

TEST(Summary, LeavesGapsOut) {
  const std::vector<DataPoint> points = {{0, 1}, {1, kNan}, {2, 5}, {3, 3}, {4, kNan}};
  const auto summary = summarize(points);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->count, 3u);
  EXPECT_DOUBLE_EQ(summary->minimum, 1);
  EXPECT_DOUBLE_EQ(summary->mean, 3);
  EXPECT_DOUBLE_EQ(summary->maximum, 5);
  EXPECT_DOUBLE_EQ(summary->last, 3);
  EXPECT_FALSE(summarize(std::span(points).subspan(4)));
}

}  // namespace
}  // namespace isotach::view
