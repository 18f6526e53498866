// The parsers of the kernel's text files, on recorded text and on text that no kernel writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernel/cpu_stat.h"
#include "kernel/disks.h"
#include "kernel/interfaces.h"
#include "kernel/key_value.h"
#include "kernel/pressure.h"
#include "kernel/swap_devices.h"

namespace isotach::kernel {
namespace {

using ::testing::ElementsAre;

// What every parser must survive.
constexpr char kBinaryBytes[] = "\x00\xff\xfe: 1\n(((\n\x7f 99999999999999999999999\n\n\n \t\n-1 -1 -1\n:";
const std::string kBinary(kBinaryBytes, sizeof kBinaryBytes - 1);

const std::vector<std::string>& hostile_texts() {
  static const std::vector<std::string> texts = {"",
                                                 "\n",
                                                 "\n\n\n",
                                                 " ",
                                                 ":",
                                                 "cpu",
                                                 "cpu ",
                                                 "some",
                                                 "x:",
                                                 "0 0",
                                                 kBinary,
                                                 std::string(100'000, 'a'),
                                                 std::string(100'000, '\n'),
                                                 std::string(10'000, ':')};
  return texts;
}

constexpr std::string_view kKeys[] = {"MemTotal", "MemFree", "Active", "Active(anon)"};

std::array<Value, 4> parse_keys(KeyValueParser& parser, std::string_view text) {
  std::array<Value, 4> values;
  parser.parse(text, values);
  return values;
}

TEST(KeyValueParser, FindsItsKeysAmongOthers) {
  KeyValueParser parser(kKeys);
  const auto values = parse_keys(parser,
                                 "MemTotal:       16384 kB\nBuffers: 3 kB\nMemFree:\t512 kB\nActive: 7 kB\n"
                                 "Active(anon):  5 kB\n");
  EXPECT_EQ(values[0], Value::of(16384));
  EXPECT_EQ(values[1], Value::of(512));
  EXPECT_EQ(values[2], Value::of(7));
  EXPECT_EQ(values[3], Value::of(5));
}

TEST(KeyValueParser, FollowsLinesThatMoveAppearAndVanish) {
  KeyValueParser parser(kKeys);
  parse_keys(parser, "MemTotal: 1\nMemFree: 2\nActive: 3\nActive(anon): 4\n");
  auto values = parse_keys(parser, "New: 9\nActive(anon): 14\nMemFree: 12\nMemTotal: 11\n");
  EXPECT_EQ(values[0], Value::of(11));
  EXPECT_EQ(values[1], Value::of(12));
  EXPECT_EQ(values[2], Value(Missing::not_supported));
  EXPECT_EQ(values[3], Value::of(14));
  values = parse_keys(parser, "MemTotal: 21");  // no newline at the end
  EXPECT_EQ(values[0], Value::of(21));
  EXPECT_EQ(values[1], Value(Missing::not_supported));
}

TEST(KeyValueParser, MalformedNumbersAreMissing) {
  KeyValueParser parser(kKeys);
  const auto values = parse_keys(parser,
                                 "MemTotal: 18446744073709551616 kB\nMemFree: -5 kB\nActive:\n"
                                 "Active(anon): 18446744073709551615\n");
  EXPECT_EQ(values[0], Value(Missing::malformed));
  EXPECT_EQ(values[1], Value(Missing::malformed));
  EXPECT_EQ(values[2], Value(Missing::malformed));
  EXPECT_EQ(values[3], Value::of(18446744073709551615u));
}

TEST(KeyValueParser, TheFirstOfTwoLinesCounts) {
  KeyValueParser parser(kKeys);
  EXPECT_EQ(parse_keys(parser, "MemFree: 1\nMemFree: 2\n")[1], Value::of(1));
  EXPECT_EQ(parse_keys(parser, "MemFree: x\nMemFree: 2\n")[1], Value(Missing::malformed));
}

TEST(KeyValueParser, FindsKeysPastTheLinesItRemembers) {
  KeyValueParser parser(kKeys);
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "Other" + std::to_string(i) + ": 1\n";
  text += "MemFree: 7\n";
  EXPECT_EQ(parse_keys(parser, text)[1], Value::of(7));
}

TEST(KeyValueParser, SurvivesAnything) {
  KeyValueParser parser(kKeys);
  for (const std::string& text : hostile_texts())
    for (const Value& value : parse_keys(parser, text)) EXPECT_TRUE(value.is_missing());
}

constexpr const char* kStat =
    "cpu  10 20 30 40 50 60 70 80 90 100\n"
    "cpu0 1 2 3 4 5 6 7 8 9 10\n"
    "cpu2 11 12 13 14 15 16 17 18 19 20\n"
    "intr 1234 5 6 7\nctxt 5678\nbtime 1700000000\nprocesses 99\nprocs_running 3\nprocs_blocked 1\n"
    "softirq 1 2 3\n";

TEST(CpuStat, ReadsTimesAndCounts) {
  CpuReading reading;
  parse_cpu_stat(kStat, true, reading);
  EXPECT_EQ(reading.all.number(CpuField::user), 10u);
  EXPECT_EQ(reading.all.number(CpuField::guest_nice), 100u);
  ASSERT_EQ(reading.each.size(), 2u);
  EXPECT_EQ(reading.each[1].number, 2u);  // cpu1 is offline
  EXPECT_EQ(reading.each[1].times.number(CpuField::steal), 18u);
  EXPECT_EQ(reading.interrupts, Value::of(1234));
  EXPECT_EQ(reading.context_switches, Value::of(5678));
  EXPECT_EQ(reading.boot_time_s, Value::of(1700000000));
  EXPECT_EQ(reading.forks, Value::of(99));
  EXPECT_EQ(reading.processes_running, Value::of(3));
  EXPECT_EQ(reading.processes_blocked, Value::of(1));
  parse_cpu_stat(kStat, false, reading);
  EXPECT_TRUE(reading.each.empty());
}

TEST(CpuStat, ReadsATree) {
  std::string text = "cpu 1 1 1 1\n";
  for (int i = 0; i < 1024; ++i) text += "cpu" + std::to_string(i) + " 1 2 3 " + std::to_string(i) + "\n";
  CpuReading reading;
  parse_cpu_stat(text, true, reading);
  ASSERT_EQ(reading.each.size(), 1024u);
  EXPECT_EQ(reading.each[1023].times.number(CpuField::idle), 1023u);
  // Columns that an old kernel lacks.
  EXPECT_EQ(reading.each[0].times[CpuField::steal], Value(Missing::not_supported));
}

TEST(CpuStat, OneBadColumnLeavesTheOthers) {
  CpuReading reading;
  parse_cpu_stat("cpu 1 18446744073709551616 3 -4 5", false, reading);
  EXPECT_EQ(reading.all[CpuField::user], Value::of(1));
  EXPECT_EQ(reading.all[CpuField::nice], Value(Missing::malformed));
  EXPECT_EQ(reading.all[CpuField::system], Value::of(3));
  EXPECT_EQ(reading.all[CpuField::idle], Value(Missing::malformed));
  EXPECT_EQ(reading.all[CpuField::iowait], Value::of(5));
  EXPECT_EQ(reading.all[CpuField::irq], Value(Missing::not_supported));
}

TEST(CpuStat, SurvivesAnything) {
  for (const std::string& text : hostile_texts()) {
    CpuReading reading;
    parse_cpu_stat(kStat, true, reading);
    parse_cpu_stat(text, true, reading);
    EXPECT_TRUE(reading.interrupts.is_missing());
    EXPECT_TRUE(reading.all[CpuField::user].is_missing());
    EXPECT_TRUE(reading.each.empty());
  }
}

TEST(Pressure, ReadsBothLines) {
  PressureReading reading;
  parse_pressure(
      "some avg10=1.50 avg60=0.20 avg300=0.03 total=123456\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
      reading);
  EXPECT_EQ(reading.some.avg10_percent, Value::of_real(1.5));
  EXPECT_EQ(reading.some.avg300_percent, Value::of_real(0.03));
  EXPECT_EQ(reading.some.total_us, Value::of(123456));
  EXPECT_EQ(reading.full.total_us, Value::of(7));
}

TEST(Pressure, CpuHadNoFullLine) {
  PressureReading reading;
  parse_pressure("some avg10=1 avg60=0 avg300=0 total=1", reading);
  EXPECT_EQ(reading.full.total_us, Value(Missing::not_supported));
}

TEST(Pressure, SurvivesAnything) {
  PressureReading reading;
  parse_pressure("some avg10=nan avg60= avg300=1e999 total=-1 more=3 =\nfull total=18446744073709551616",
                 reading);
  EXPECT_EQ(reading.some.avg10_percent, Value(Missing::malformed));
  EXPECT_EQ(reading.some.avg60_percent, Value(Missing::malformed));
  EXPECT_EQ(reading.some.avg300_percent, Value(Missing::malformed));
  EXPECT_EQ(reading.some.total_us, Value(Missing::malformed));
  EXPECT_EQ(reading.full.total_us, Value(Missing::malformed));
  for (const std::string& text : hostile_texts()) {
    parse_pressure(text, reading);
    EXPECT_TRUE(reading.some.total_us.is_missing());
  }
}

TEST(Swaps, ReadsAreasWithStrangeNames) {
  std::vector<SwapDevice> devices;
  parse_swaps(
      "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
      "/dev/sda2                               partition\t1048572\t\t512\t\t-2\n"
      "/swap\\040file\\134\\012\\040(deleted)       file\t\t2048\t\t0\t\t5",
      devices);
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].path, "/dev/sda2");
  EXPECT_EQ(devices[0].type, "partition");
  EXPECT_EQ(devices[0].size_kib, 1048572u);
  EXPECT_EQ(devices[0].used_kib, 512u);
  EXPECT_EQ(devices[0].priority, -2);
  EXPECT_EQ(devices[1].path, "/swap file\\\n (deleted)");
  EXPECT_EQ(devices[1].priority, 5);
}

TEST(Swaps, LeavesOutWhatItCannotRead) {
  std::vector<SwapDevice> devices;
  parse_swaps(
      "head\n/a file -1 0 0\n/b file 1 2\n/c file 1 2 x\n/d file 99999999999999999999 0 0\n/\\0 file 1 0 9\n",
      devices);
  ASSERT_EQ(devices.size(), 1u);
  EXPECT_EQ(devices[0].path, "/\\0");
  for (const std::string& text : hostile_texts()) {
    parse_swaps(text, devices);
    EXPECT_TRUE(devices.empty());
  }
}

constexpr const char* kNetDevHead =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo "
    "colls\n";

TEST(Interfaces, ReadsCountersByName) {
  std::vector<InterfaceReading> interfaces;
  parse_interfaces(std::string(kNetDevHead) +
                       "    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                       "eth0:1:18446744073709551615 2 0 0 0 0 0 0 9 0 0 0 0 0 0 0",
                   interfaces);
  ASSERT_EQ(interfaces.size(), 2u);
  EXPECT_EQ(interfaces[0].name, "lo");
  EXPECT_EQ(interfaces[0][InterfaceCounter::receive_multicast], 8u);
  EXPECT_EQ(interfaces[0][InterfaceCounter::transmit_compressed], 16u);
  EXPECT_EQ(interfaces[1].name, "eth0:1");  // an alias; and no blank after the colon
  EXPECT_EQ(interfaces[1][InterfaceCounter::receive_bytes], 18446744073709551615u);
}

TEST(Interfaces, ElementsAreUsedAgainAndNothingOldStays) {
  std::vector<InterfaceReading> interfaces;
  const std::string counters = ": 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n";
  parse_interfaces(kNetDevHead + ("a" + counters) + "b" + counters + "c" + counters, interfaces);
  ASSERT_EQ(interfaces.size(), 3u);
  parse_interfaces(std::string(kNetDevHead) + "bad: 1 2 3\nd: 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2\n", interfaces);
  ASSERT_EQ(interfaces.size(), 1u);
  EXPECT_EQ(interfaces[0].name, "d");
  EXPECT_EQ(interfaces[0][InterfaceCounter::carrier], 2u);
  for (const std::string& text : hostile_texts()) {
    parse_interfaces(text, interfaces);
    EXPECT_TRUE(interfaces.empty());
  }
}

TEST(Disks, KnowsHowManyColumnsTheKernelHas) {
  std::vector<DiskReading> disks;
  parse_diskstats(
      "   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
      "   8       1 sda1 1 2 3 4 5 6 7 8 9 10 11\n"
      " 259       0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",
      disks);
  ASSERT_EQ(disks.size(), 3u);
  EXPECT_EQ(disks[0].counter_count, 17u);
  EXPECT_EQ(disks[0][DiskCounter::flush_ms], 17u);
  EXPECT_EQ(disks[1].counter_count, 11u);
  EXPECT_EQ(disks[1][DiskCounter::discards], 0u);
  EXPECT_EQ(disks[2].name, "nvme0n1");
  EXPECT_EQ(disks[2].major_number, 259u);
}

TEST(Disks, ReadsHundredsAndLeavesOutWhatItCannotRead) {
  std::string text;
  for (int i = 0; i < 400; ++i)
    text += "8 " + std::to_string(i) + " disk" + std::to_string(i) + " 1 2 3 4 5 6 7 8 9 10 11\n";
  std::vector<DiskReading> disks;
  parse_diskstats(text, disks);
  ASSERT_EQ(disks.size(), 400u);
  parse_diskstats("8 0\nx y z\n8 0 sda 1 2 18446744073709551616 4 5\n8 0 sdb 1 2 3 4\n-8 0 sdc 1 2 3 4\n",
                  disks);
  ASSERT_EQ(disks.size(), 1u);
  EXPECT_EQ(disks[0].name, "sdb");
  for (const std::string& hostile : hostile_texts()) {
    parse_diskstats(hostile, disks);
    EXPECT_TRUE(disks.empty());
  }
}

TEST(TakeUnsigned, StopsAtItsEnd) {
  std::string_view text = "  12 34x";
  EXPECT_EQ(take_unsigned(text), 12u);
  EXPECT_EQ(take_unsigned(text), 34u);
  EXPECT_EQ(text, "x");
  EXPECT_EQ(take_unsigned(text), std::nullopt);
  EXPECT_EQ(text, "x");
}

TEST(TakeLine, GivesTheLastLineWithoutNewline) {
  std::string_view text = "a\n\nb";
  EXPECT_EQ(take_line(text), "a");
  EXPECT_EQ(take_line(text), "");
  EXPECT_EQ(take_line(text), "b");
  EXPECT_EQ(take_line(text), std::nullopt);
}

}  // namespace
}  // namespace isotach::kernel
