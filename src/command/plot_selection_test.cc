#include "command/plot_selection.h"

#include <gtest/gtest.h>

#include "command/plot_options.h"
#include "machine/metrics.h"

namespace isotach::command {
namespace {

record::SeriesTable& filled(record::SeriesTable& table) {
  using machine::Family;
  for (const auto& metric : machine::family_metrics(Family::memory)) table.intern(metric);
  for (const char* device : {"sda", "sda1", "nvme0n1", "nvme0n1p2", "loop3", "md0"})
    for (const auto& metric : machine::family_metrics(Family::disk))
      table.intern(metric, {{"device", device}});
  for (const char* name : {"eth0", "lo"})
    for (const auto& metric : machine::family_metrics(Family::interface))
      table.intern(metric, {{"interface", name}});
  return table;
}

std::vector<std::string> keys(const PlotSelection& selection, const record::SeriesTable& table) {
  std::vector<std::string> keys;
  for (const record::SeriesId id : selection.matching(table)) keys.push_back(table.at(id).key());
  return keys;
}

TEST(PlotSelection, MemoryIsFreeUsedAndBuffers) {
  record::SeriesTable table;
  const auto selection = PlotSelection::parse({"memory"}, PlotSourceKind::live);
  ASSERT_TRUE(selection);
  EXPECT_EQ(keys(*selection, filled(table)),
            (std::vector<std::string>{"memory_free_bytes", "memory_used_bytes", "memory_buffers_bytes"}));
  EXPECT_EQ(selection->title(), "Memory");
  const machine::Parts parts = selection->parts();
  EXPECT_TRUE(parts.memory);
  EXPECT_FALSE(parts.cpu || parts.disks || parts.interfaces || parts.vm_counters || parts.ksm ||
               parts.pressure);
}

TEST(PlotSelection, TakesNamesKeysAndPatternsOnce) {
  record::SeriesTable table;
  const auto selection = PlotSelection::parse(
      {"memory_free_bytes", "memory_f*_bytes", "network_receive_bytes{interface=\"eth0\"}"},
      PlotSourceKind::live);
  ASSERT_TRUE(selection) << selection.error().message();
  EXPECT_EQ(keys(*selection, filled(table)),
            (std::vector<std::string>{"memory_free_bytes", "network_receive_bytes{interface=\"eth0\"}"}));
}

TEST(PlotSelection, TheDiskGroupHasWholeDisksOnly) {
  record::SeriesTable table;
  const auto selection = PlotSelection::parse({"disk"}, PlotSourceKind::live);
  ASSERT_TRUE(selection);
  const auto shown = keys(*selection, filled(table));
  ASSERT_EQ(shown.size(), 6u);
  for (const std::string& key : shown) {
    EXPECT_EQ(key.find("sda1"), std::string::npos);
    EXPECT_EQ(key.find("p2"), std::string::npos);
    EXPECT_EQ(key.find("loop"), std::string::npos);
  }
}

TEST(PlotSelection, UnknownWordsNameTheNearest) {
  const auto selection = PlotSelection::parse({"memory_fre_bytes"}, PlotSourceKind::live);
  ASSERT_FALSE(selection);
  EXPECT_EQ(selection.error().kind, ErrorKind::usage);
  EXPECT_NE(selection.error().remedy.find("memory_free_bytes"), std::string::npos);
  EXPECT_FALSE(PlotSelection::parse({"ksm"}, PlotSourceKind::vmstat));
  EXPECT_TRUE(PlotSelection::parse({"buff"}, PlotSourceKind::vmstat));
}

TEST(PlotSelection, AMissingLabelIsAnErrorThatListsTheOthers) {
  record::SeriesTable table;
  const auto selection =
      PlotSelection::parse({"network_receive_bytes{interface=\"eth9\"}"}, PlotSourceKind::live);
  ASSERT_TRUE(selection);
  const auto matched = selection->check_matched(filled(table));
  ASSERT_FALSE(matched);
  EXPECT_NE(matched.error().remedy.find("eth0"), std::string::npos);
}

TEST(PlotSelection, EveryMetricHasItsPart) {
  // A metric that can be listed but is never read would be plotted as nothing.
  for (std::size_t i = 0; i < machine::kFamilyCount; ++i) {
    const std::string name = machine::family_metrics(static_cast<machine::Family>(i)).front().name;
    const auto selection = PlotSelection::parse({name}, PlotSourceKind::live);
    ASSERT_TRUE(selection) << name;
    const machine::Parts parts = selection->parts();
    EXPECT_TRUE(parts.memory || parts.cpu || parts.vm_counters || parts.uptime || parts.pressure ||
                parts.swap_devices || parts.ksm || parts.interfaces || parts.disks || parts.network)
        << name;
  }
}

TEST(FixedRange, IsReadInTheUnitOfTheAxis) {
  EXPECT_EQ(parse_fixed_range("0:8Gi", Unit::bytes)->high, 8.0 * 1024 * 1024 * 1024);
  EXPECT_EQ(parse_fixed_range("0:1G", Unit::bits_per_second)->high, 1e9);
  EXPECT_EQ(parse_fixed_range("0:50%", Unit::ratio)->high, 0.5);
  EXPECT_EQ(parse_fixed_range("0:1", Unit::ratio)->high, 1.0);
  EXPECT_EQ(parse_fixed_range("1ms:2s", Unit::seconds)->low, 0.001);
  EXPECT_EQ(parse_fixed_range("-5:5", Unit::count)->low, -5);
  for (const char* text : {"", ":", "1", "1:", ":1", "1:1", "2:1", "a:b", "0:inf", "0:nan", "0:1:2", "--5:5"})
    EXPECT_FALSE(parse_fixed_range(text, Unit::bytes)) << text;
}

}  // namespace
}  // namespace isotach::command
