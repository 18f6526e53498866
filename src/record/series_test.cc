#include "record/series.h"

#include <gtest/gtest.h>

namespace isotach::record {
namespace {

MetricDescriptor metric(const char* name) {
  return {name, Unit::bytes, MetricKind::gauge, "", "", 1};
}

TEST(SeriesTable, GivesTheSameIdForTheSameMetricAndLabels) {
  SeriesTable table;
  const auto a = table.intern(metric("memory_free_bytes"));
  const auto b = table.intern(metric("network_receive_bytes"), {{"interface", "eth0"}});
  EXPECT_EQ(a, table.intern(metric("memory_free_bytes")));
  EXPECT_NE(a, b);
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.at(*b).key(), "network_receive_bytes{interface=\"eth0\"}");
}

TEST(SeriesTable, EscapesLabelValues) {
  SeriesTable table;
  const auto id = table.intern(metric("m"), {{"device", "a\"b\\c\nd"}});
  EXPECT_EQ(table.at(*id).key(), "m{device=\"a\\\"b\\\\c\\nd\"}");
}

TEST(SeriesTable, MatchesNamesKeysAndPatterns) {
  SeriesTable table;
  table.intern(metric("memory_free_bytes"));
  table.intern(metric("memory_used_bytes"));
  table.intern(metric("disk_read_bytes"), {{"device", "sda"}});
  EXPECT_EQ(table.matching("memory_*").size(), 2u);
  EXPECT_EQ(table.matching("disk_read_bytes").size(), 1u);
  EXPECT_EQ(table.matching("disk_read_bytes{device=\"sda\"}").size(), 1u);
  EXPECT_EQ(table.matching("disk_*{device=\"s?a\"}").size(), 1u);
  EXPECT_EQ(table.matching("memory_????_bytes").size(), 2u);
  EXPECT_EQ(table.matching("*").size(), 3u);
  EXPECT_EQ(table.matching("**bytes*").size(), 3u);
  EXPECT_TRUE(table.matching("nothing").empty());
  EXPECT_TRUE(table.matching("").empty());
  EXPECT_TRUE(table.matching("memory_").empty());
  EXPECT_TRUE(table.matching("?memory_free_bytes").empty());
}

TEST(SeriesTable, APatternOfManyStarsTakesNoTime) {
  SeriesTable table;
  table.intern(metric(std::string(200, 'a').c_str()));
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  EXPECT_EQ(table.matching(pattern).size(), 1u);
  EXPECT_TRUE(table.matching(pattern + "*b").empty());
}

TEST(SeriesTable, RefusesAndCountsWhatIsTooMuch) {
  SeriesTable table;
  for (std::size_t i = 0; i < SeriesTable::kLimit; ++i)
    ASSERT_TRUE(table.intern(metric("m"), {{"n", std::to_string(i)}}));
  EXPECT_FALSE(table.intern(metric("one_more")));
  EXPECT_FALSE(table.intern(metric("one_more")));
  EXPECT_EQ(table.refused(), 2u);
  EXPECT_EQ(table.size(), SeriesTable::kLimit);
  EXPECT_TRUE(table.intern(metric("m"), {{"n", "5"}}));  // known ones are still found
}

TEST(SeriesTable, TitlesNameTheLabelsFirst) {
  Series series{{"network_receive_bytes", Unit::bytes, MetricKind::counter, "", "received"},
                {{"interface", "eth0"}}};
  EXPECT_EQ(series.title(), "eth0 received");
  series.metric.title.clear();
  series.labels.clear();
  EXPECT_EQ(series.title(), "network_receive_bytes");
}

}  // namespace
}  // namespace isotach::record
