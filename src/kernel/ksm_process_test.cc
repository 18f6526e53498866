#include "kernel/ksm_process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "kernel/ksm_daemon.h"

namespace isotach::kernel {
namespace {

TEST(KsmStat, ReadsOldAndNewKernels) {
  KsmProcessReading reading;
  parse_ksm_stat(
      "ksm_rmap_items 131072\nksm_zero_pages 3\nksm_merging_pages 131071\nksm_process_profit -8192\n"
      "ksm_merge_any: yes\nksm_mergeable: no\n",
      reading);
  EXPECT_EQ(reading.rmap_items, Value::of(131072));
  EXPECT_EQ(reading.zero_pages, Value::of(3));
  EXPECT_EQ(reading.merging_pages, Value::of(131071));
  EXPECT_EQ(reading.profit_bytes, Value::of_signed(-8192));
  EXPECT_EQ(reading.merge_any, Value::of(1));
  EXPECT_EQ(reading.mergeable, Value::of(0));
  EXPECT_TRUE(reading.uses_ksm());

  KsmProcessReading old;
  parse_ksm_stat("ksm_rmap_items 5\n", old);
  EXPECT_EQ(old.rmap_items, Value::of(5));
  EXPECT_TRUE(old.zero_pages.is_missing());
  KsmProcessReading strange;
  parse_ksm_stat("ksm_merging_pages many\nksm_merge_any: maybe\nksm_zero_pages 1 2\n", strange);
  EXPECT_EQ(strange.merging_pages.reason(), Missing::malformed);
  EXPECT_EQ(strange.merge_any.reason(), Missing::malformed);
  EXPECT_FALSE(strange.uses_ksm());
}

TEST(KsmStat, FindsTheLineOfTheRollup) {
  EXPECT_EQ(parse_rollup_ksm_kib("Pss: 5 kB\nKSM:                 1234 kB\n"), Value::of(1234));
  EXPECT_TRUE(parse_rollup_ksm_kib("Pss: 5 kB\n").is_missing());
  EXPECT_TRUE(parse_rollup_ksm_kib("KSM: x kB\n").is_missing());
}

TEST(KsmDaemon, ReadsHowLongItWaited) {
  EXPECT_EQ(parse_schedstat_wait("7104412334 1234567 991\n"), Value::of(1234567));
  EXPECT_TRUE(parse_schedstat_wait("7104412334\n").is_missing());
  EXPECT_TRUE(parse_schedstat_wait("").is_missing());
  EXPECT_TRUE(parse_schedstat_wait("1 -2 3").is_missing());
}

TEST(KsmStat, FallsBackToWhatTheKernelHas) {
  const std::string folder = ::testing::TempDir() + "isotach_ksm_process_" + std::to_string(::getpid());
  std::filesystem::create_directories(folder + "/proc/7");
  const auto write = [&](const char* name, const char* text) {
    std::ofstream(folder + "/proc/7/" + name) << text;
  };
  write("smaps_rollup", "KSM: 40 kB\n");
  const auto pages = 40 / (static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024);
  EXPECT_EQ(read_ksm_process(SystemRoot(folder), 7).merging_pages, Value::of(pages));
  write("ksm_merging_pages", "11\n");
  EXPECT_EQ(read_ksm_process(SystemRoot(folder), 7).merging_pages, Value::of(11));
  write("ksm_stat", "ksm_merging_pages 12\n");
  EXPECT_EQ(read_ksm_process(SystemRoot(folder), 7).merging_pages, Value::of(12));
  EXPECT_TRUE(read_ksm_process(SystemRoot(folder), 8).merging_pages.is_missing());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace isotach::kernel
