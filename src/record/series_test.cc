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
  EXPECT_TRUE(table.matching("nothing").empty());
}

}  // namespace
}  // namespace isotach::record
