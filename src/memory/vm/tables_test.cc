#include "memory/vm/tables.h"

#include <gtest/gtest.h>

#include "memory/vm/record_text.h"

namespace isotach::memory {
namespace {

kernel::DiskReading disk(const std::string& name, std::uint64_t first, std::size_t counters) {
  kernel::DiskReading reading;
  reading.name = name;
  reading.counter_count = counters;
  for (std::size_t i = 0; i < counters; ++i) reading.counters[i] = first + i;
  return reading;
}

VmReading two_disks_and_a_partition() {
  VmReading reading;
  reading.machine.disks = {disk("sda", 100, 17), disk("sda1", 1, 17), disk("sdb", 2000, 11)};
  reading.disk_is_whole = {true, false, true};
  return reading;
}

TEST(Tables, DisksAreWithoutTheirPartitions) {
  std::vector<VmRecord> records;
  make_records(VmMode::disks, two_disks_and_a_partition(), {}, records);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].label, "sda");
  EXPECT_EQ(records[1].cells[8], Cell::of(2008)) << "in flight, as the kernel says it";
}

TEST(Tables, TheSumIsOverWholeDisks) {
  std::vector<VmRecord> records;
  make_records(VmMode::disk_sum, two_disks_and_a_partition(), {}, records);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].cells[0], Cell::of(2));
  EXPECT_EQ(records[0].cells[1], Cell::of(1));
  EXPECT_EQ(records[0].cells[2], Cell::of(2100));
}

TEST(Tables, APartitionOfAnOldKernelHasFourCounters) {
  VmReading reading;
  reading.machine.disks = {disk("hda1", 10, 4)};
  std::vector<VmRecord> records;
  make_records(VmMode::partition, reading, "hda1", records);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].cells, (std::vector<Cell>{Cell::of(10), Cell::of(11), Cell::of(12), Cell::of(13)}));
  make_records(VmMode::disks, reading, {}, records);
  EXPECT_TRUE(records[0].cells[1].is_missing());
}

TEST(Tables, ThereIsNoRecordForAnUnknownPartition) {
  std::vector<VmRecord> records(3);
  make_records(VmMode::partition, two_disks_and_a_partition(), "sdz", records);
  EXPECT_TRUE(records.empty());
}

TEST(Tables, SlabsAreInTheOrderOfTheirNames) {
  VmReading reading;
  reading.slabs = {{"zap", 1, 2, 3, 4, 5}, {"Acpi", 6, 7, 8, 9, 10}, {"dentry", 1, 1, 1, 1, 1}};
  std::vector<VmRecord> records;
  make_records(VmMode::slabs, reading, {}, records);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].label, "Acpi");
  EXPECT_EQ(records[2].label, "zap");
}

TEST(Tables, EveryModeHasACellForEachOfItsColumns) {
  std::vector<VmRecord> records;
  VmReading reading = two_disks_and_a_partition();
  reading.slabs.resize(1);
  for (std::size_t i = 1; i < kVmModeCount; ++i) {
    const auto mode = static_cast<VmMode>(i);
    make_records(mode, reading, "sda1", records);
    ASSERT_FALSE(records.empty());
    EXPECT_EQ(records[0].cells.size(), vm_columns(mode).size()) << vm_mode_name(mode);
  }
}

TEST(Tables, NoLineOfATableIsWiderThanTheTerminal) {
  VmReading reading = two_disks_and_a_partition();
  reading.slabs = {{"a-cache-with-a-very-long-name-indeed", 123456789, 1, 1, 1, 1}};
  reading.machine.disks[0].counters.fill(~std::uint64_t{0});
  std::vector<VmRecord> records;
  for (std::size_t columns = 4; columns < 120; ++columns) {
    for (std::size_t i = 1; i < kVmModeCount; ++i) {
      TextOptions options;
      options.mode = static_cast<VmMode>(i);
      options.partition = "sda1";
      options.terminal_columns = columns;
      make_records(options.mode, reading, "sda1", records);
      RecordText text(options);
      std::string out;
      text.append(records, 0, out);
      std::size_t start = 0;
      for (std::size_t end = out.find('\n'); end != std::string::npos; end = out.find('\n', start)) {
        EXPECT_LE(end - start, columns + 2) << vm_mode_name(options.mode) << ": " << out;  // "…" is 3 bytes
        start = end + 1;
      }
    }
  }
}

TEST(Tables, EveryColumnIsExplained) {
  for (const ExplainedColumn& explained : explained_columns("all")) {
    EXPECT_GT(explained.column->help.size(), 10U) << explained.column->title;
    EXPECT_FALSE(explained.column->source.empty());
    EXPECT_FALSE(explained_columns(explained.column->title).empty());
  }
  EXPECT_TRUE(explained_columns("no such column").empty());
}

}  // namespace
}  // namespace isotach::memory
