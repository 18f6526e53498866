#include "kernel/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/text.h"

namespace isotach::kernel {
namespace {

// A line of /proc/PID/stat; the columns are 10 minflt, 11 cminflt, 12 majflt, 13 cmajflt, 14 to 17 ticks.
std::string stat_line(const std::string& command, const std::string& start = "500", const char* state = "S") {
  return "42 (" + command + ") " + state + " 1 42 42 34816 -1 4194304 1000 2000 3 4 50 60 70 80 20 0 7 0 " +
         start + " 1000000 250 18446744073709551615 1 1 0 0 0\n";
}

TEST(ProcessStat, ReadsTheColumns) {
  ProcessReading reading;
  ASSERT_TRUE(parse_process_stat(stat_line("bash"), 100, reading));
  EXPECT_EQ(reading.pid, 42u);
  EXPECT_EQ(reading.parent_pid, 1u);
  EXPECT_EQ(reading.command, "bash");
  EXPECT_EQ(reading.state, 'S');
  EXPECT_EQ(reading.start_ticks, 500u);
  EXPECT_EQ(reading[ProcessField::minor_faults], Value::of(1000));
  EXPECT_EQ(reading[ProcessField::children_minor_faults], Value::of(2000));
  EXPECT_EQ(reading[ProcessField::major_faults], Value::of(3));
  EXPECT_EQ(reading[ProcessField::children_major_faults], Value::of(4));
  EXPECT_EQ(reading[ProcessField::cpu_ns], Value::of(1'100'000'000));
  EXPECT_EQ(reading[ProcessField::children_cpu_ns], Value::of(1'500'000'000));
  EXPECT_EQ(reading[ProcessField::threads], Value::of(7));
  EXPECT_FALSE(reading.has_ended());
}

TEST(ProcessStat, CommandsMayHoldBlanksAndParentheses) {
  for (const std::string command :
       {"tmux: server", "(sd-pam)", "a) S 1 (b", ")", "((", "", ") R 9 9 9 9", "\xff\x1b["}) {
    ProcessReading reading;
    ASSERT_TRUE(parse_process_stat(stat_line(command), 100, reading)) << command;
    EXPECT_EQ(reading.command, command);
    EXPECT_EQ(reading.parent_pid, 1u) << command;
  }
}

TEST(ProcessStat, RefusesWhatIsNoStatLine) {
  ProcessReading reading;
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("42"), std::string("42 (a"), std::string("42 )a( S 1"),
        std::string("x (a) S 1 2 3"), std::string("42 (a) S 1"), stat_line("a", "-5"),
        stat_line("a", "18446744073709551616"), stat_line("a", "500", "SS"), std::string(10'000, '('),
        std::string(10'000, ')')})
    EXPECT_FALSE(parse_process_stat(text, 100, reading)) << text.substr(0, 60);
}

TEST(ProcessStat, NumbersThatDoNotFitAreMissing) {
  ProcessReading reading;
  ASSERT_TRUE(parse_process_stat(
      "42 (a) R 1 42 42 0 -1 0 18446744073709551616 0 -3 0 18446744073709551615 9 1 1 20 0 1 0 9 0", 100,
      reading));
  EXPECT_EQ(reading[ProcessField::minor_faults], Value(Missing::malformed));
  EXPECT_EQ(reading[ProcessField::major_faults], Value(Missing::malformed));
  EXPECT_EQ(reading[ProcessField::cpu_ns], Value(Missing::malformed));
  EXPECT_EQ(reading[ProcessField::children_cpu_ns], Value::of(20'000'000));
}

TEST(ProcessStat, AZombieWithThreadsStillRuns) {
  ProcessReading reading;
  ASSERT_TRUE(parse_process_stat(stat_line("a", "1", "Z"), 100, reading));
  EXPECT_FALSE(reading.has_ended());  // 7 threads
  reading[ProcessField::threads] = Value::of(1);
  EXPECT_TRUE(reading.has_ended());
}

std::uint64_t heap_in(std::string_view text, std::size_t piece_size) {
  HeapScanner scanner;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, piece_size);
    if (!scanner.scan(piece)) break;
    text.remove_prefix(piece.size());
  }
  return scanner.heap_bytes();
}

TEST(HeapScanner, SumsTheHeapHoweverTheTextIsCut) {
  constexpr const char* kMaps =
      "55d0c1000000-55d0c1001000 r-xp 00000000 08:01 123    /usr/bin/cat\n"
      "55d0c1a2b000-55d0c1a2c000 r--p 00000000 00:00 0      [heap]\n"
      "55d0c1a2c000-55d0c1a4c000 rw-p 00000000 00:00 0      [heap]\n"
      "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
      "7fff00000000-7fff00021000 rw-p 00000000 00:00 0      [stack]\n";
  for (const std::size_t piece_size : {1u, 7u, 64u, 4096u}) EXPECT_EQ(heap_in(kMaps, piece_size), 0x21000u);
}

TEST(HeapScanner, SurvivesAnything) {
  EXPECT_EQ(heap_in("", 64), 0u);
  EXPECT_EQ(heap_in("[heap]\n", 64), 0u);
  EXPECT_EQ(heap_in("5-3 rw-p 0 00:00 0 [heap]\n", 64), 0u);
  EXPECT_EQ(heap_in("0-ffffffffffffffff a 0 0 0 [heap]\n0-ffffffffffffffff a 0 0 0 [heap]\n", 64),
            18446744073709551615u);
  EXPECT_EQ(heap_in("fffffffffffffffff-0 a 0 0 0 [heap]\n-- a 0 0 0 [heap]\nzz-zz a 0 0 0 [heap]\n", 64), 0u);
  EXPECT_EQ(heap_in("1000-2000 rw-p 0 08:01 7 /tmp/a [heap]\n", 64), 0u);  // a file of that name
  EXPECT_EQ(heap_in(std::string(100'000, 'x') + "[heap]\n1000-2000 rw-p 0 00:00 0 [heap]\n", 4096), 0x1000u);
}

TEST(ProcessReader, ReadsThisProcess) {
  ProcessReader reader{SystemRoot(), static_cast<unsigned>(::getpid())};
  ProcessReading before, after;
  ASSERT_EQ(reader.read(before).value(), Presence::present);
  reader.read_proportional(before);
  constexpr std::size_t kSize = std::size_t{16} << 20;
  void* memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ::madvise(memory, kSize, MADV_NOHUGEPAGE);
  for (std::size_t i = 0; i < kSize; i += 4096) static_cast<volatile char*>(memory)[i] = 1;
  ASSERT_EQ(reader.read(after).value(), Presence::present);
  reader.read_proportional(after);
  ::munmap(memory, kSize);

  EXPECT_EQ(before.pid, static_cast<unsigned>(::getpid()));
  EXPECT_EQ(before.parent_pid, static_cast<unsigned>(::getppid()));
  const auto growth = [&](ProcessField field) {
    return static_cast<std::int64_t>(after[field].as_unsigned()) -
           static_cast<std::int64_t>(before[field].as_unsigned());
  };
  // The kernel may lag behind by some dozen pages a CPU before 6.16.
  EXPECT_GE(growth(ProcessField::resident_pages) * ::getpagesize(), std::int64_t{15} << 20);
  // Other runs of this program may come to share its file pages meanwhile.
  EXPECT_GE(growth(ProcessField::proportional_kib), 15 * 1024);
  EXPECT_GE(growth(ProcessField::private_kib), 15 * 1024);
  EXPECT_GE(growth(ProcessField::minor_faults), static_cast<std::int64_t>(kSize) / ::getpagesize());
  EXPECT_GE(growth(ProcessField::data_kib), 16 * 1024);
  EXPECT_GE(after[ProcessField::peak_resident_kib].as_unsigned(),
            before[ProcessField::peak_resident_kib].as_unsigned());
  EXPECT_GT(growth(ProcessField::cpu_ns), 0);
  EXPECT_GT(growth(ProcessField::age_ns), 0);
  EXPECT_EQ(after[ProcessField::swap_kib].type(), Value::Type::unsigned_integer);
  EXPECT_EQ(after[ProcessField::threads], Value::of(1));
  // brk() agrees with the sum of the [heap] mappings.
  ASSERT_NE(::sbrk(1 << 20), reinterpret_cast<void*>(-1));
  ProcessReading grown;
  ASSERT_EQ(reader.read(grown).value(), Presence::present);
  EXPECT_EQ(grown[ProcessField::heap_bytes].as_unsigned(),
            after[ProcessField::heap_bytes].as_unsigned() + (1 << 20));
  ::sbrk(-(1 << 20));
}

TEST(ProcessReader, SeesAnEndBeforeAndAfterItIsWaitedFor) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  ProcessReader reader{SystemRoot(), static_cast<unsigned>(child)};
  ProcessReading reading;
  ASSERT_EQ(reader.read(reading).value(), Presence::present);
  EXPECT_FALSE(reading.has_ended());
  ::kill(child, SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  ASSERT_EQ(reader.read(reading).value(), Presence::present);
  EXPECT_TRUE(reading.has_ended());
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(reader.read(reading).value(), Presence::ended);
  EXPECT_EQ(reader.read(reading).value(), Presence::ended);
}

TEST(ProcessReader, AProcessThatNeverWasHasEnded) {
  ProcessReader reader{SystemRoot(), 0x7fffffff};
  ProcessReading reading;
  EXPECT_EQ(reader.read(reading).value(), Presence::ended);
}

TEST(ProcessReader, AKernelThreadHasNoMemory) {
  ProcessReader reader{SystemRoot(), 2};  // kthreadd
  ProcessReading reading;
  if (reader.read(reading).value() != Presence::present || reading.parent_pid != 0)
    GTEST_SKIP() << "process 2 is not a kernel thread here: this is a container";
  reader.read_proportional(reading);
  EXPECT_EQ(reading[ProcessField::resident_pages], Value::of(0));
  EXPECT_EQ(reading[ProcessField::swap_kib], Value(Missing::not_supported));
  EXPECT_TRUE(reading[ProcessField::proportional_kib].is_missing());
}

class SavedProcess : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "isotach_process_" + std::to_string(::getpid()) + info->name();
    std::filesystem::create_directories(folder_ + "/proc/42");
    write("uptime", "25.00 1.0\n");
    write("42/stat", stat_line("saved"));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& relative, const std::string& text) const {
    std::ofstream(folder_ + "/proc/" + relative) << text;
  }
  std::string folder_;
};

TEST_F(SavedProcess, ReadsASavedTree) {
  write("42/statm", "5000 250 100 1 0 50 0\n");
  write("42/status",
        "Name:\tsaved\nVmHWM:\t 1200 kB\nRssAnon:\t 800 kB\nVmData:\t 900 kB\nVmSwap:\t 16 kB\n");
  write("42/maps", "1000-3000 rw-p 0 00:00 0 [heap]\n");
  write("42/smaps_rollup",
        "1000-7fff ---p 00000000 00:00 0 [rollup]\nRss: 1000 kB\nPss: 600 kB\nPrivate_Clean: 100 kB\n"
        "Private_Dirty: 300 kB\nSwap: 16 kB\nSwapPss: 8 kB\n");
  ProcessReader reader(SystemRoot(folder_), 42);
  ProcessReading reading;
  ASSERT_EQ(reader.read(reading).value(), Presence::present);
  reader.read_proportional(reading);
  EXPECT_EQ(reading[ProcessField::resident_pages], Value::of(250));
  EXPECT_EQ(reading[ProcessField::peak_resident_kib], Value::of(1200));
  EXPECT_EQ(reading[ProcessField::anonymous_kib], Value::of(800));
  EXPECT_EQ(reading[ProcessField::swap_kib], Value::of(16));
  EXPECT_EQ(reading[ProcessField::heap_bytes], Value::of(0x2000));
  EXPECT_EQ(reading[ProcessField::proportional_kib], Value::of(600));
  EXPECT_EQ(reading[ProcessField::private_kib], Value::of(400));
  EXPECT_EQ(reading[ProcessField::proportional_swap_kib], Value::of(8));
  EXPECT_EQ(reading[ProcessField::age_ns], Value::of(20'000'000'000));  // 25 s less 500 ticks
}

TEST_F(SavedProcess, WhatIsNotThereIsMissing) {
  ProcessReader reader(SystemRoot(folder_), 42);
  ProcessReading reading;
  ASSERT_EQ(reader.read(reading).value(), Presence::present);
  reader.read_proportional(reading);
  for (const ProcessField field :
       {ProcessField::resident_pages, ProcessField::swap_kib, ProcessField::heap_bytes,
        ProcessField::proportional_kib, ProcessField::private_kib})
    EXPECT_EQ(reading[field], Value(Missing::not_supported));
  EXPECT_EQ(reading[ProcessField::minor_faults], Value::of(1000));
}

TEST_F(SavedProcess, AnotherStartTimeIsAnotherProcess) {
  ProcessReader reader(SystemRoot(folder_), 42);
  ProcessReading reading;
  ASSERT_EQ(reader.read(reading).value(), Presence::present);
  write("42/stat", stat_line("other", "600"));
  EXPECT_EQ(reader.read(reading).value(), Presence::replaced);
}

TEST_F(SavedProcess, AStatThatIsNoneIsAnError) {
  write("42/stat", "this is no process\n");
  ProcessReader reader(SystemRoot(folder_), 42);
  ProcessReading reading;
  EXPECT_FALSE(reader.read(reading));
}

TEST(ProcessLister, FindsWhatIsNewOnce) {
  ProcessLister lister{SystemRoot()};
  std::vector<ProcessLister::Found> found;
  ASSERT_TRUE(lister.list_new(found));
  const auto has = [&](pid_t pid) {
    return std::any_of(found.begin(), found.end(),
                       [&](const auto& one) { return one.pid == static_cast<unsigned>(pid); });
  };
  EXPECT_TRUE(has(::getpid()));
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  ASSERT_TRUE(lister.list_new(found));
  EXPECT_FALSE(has(::getpid()));
  EXPECT_TRUE(has(child));
  ASSERT_TRUE(lister.list_new(found));
  EXPECT_FALSE(has(child));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace isotach::kernel
