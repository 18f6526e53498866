#include "memory/process/follower.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "memory/process/metrics.h"

namespace isotach::memory {
namespace {

using kernel::Presence;
using kernel::ProcessField;
using kernel::ProcessReading;

// A saved tree whose processes come, change and go as the test says.
class FollowerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "isotach_follower_" + std::to_string(::getpid()) + info->name();
    std::filesystem::create_directories(folder_ + "/proc");
    std::ofstream(folder_ + "/proc/uptime") << "100.00 1.00\n";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  struct Process {
    unsigned pid = 0;
    unsigned parent = 1;
    unsigned pages = 10;
    unsigned faults = 100;
    unsigned start = 500;
    char state = 'S';
    unsigned pss_kib = 7;
  };
  void write(const Process& process) const {
    const std::string proc = folder_ + "/proc/" + std::to_string(process.pid);
    std::filesystem::create_directories(proc);
    std::ofstream(proc + "/stat") << process.pid << " (p" << process.pid << ") " << process.state << ' '
                                  << process.parent << " 1 1 0 -1 0 " << process.faults
                                  << " 0 0 0 1 1 0 0 20 0 1 0 " << process.start << " 0 0\n";
    std::ofstream(proc + "/statm") << "100 " << process.pages << " 1 1 0 1 0\n";
    std::ofstream(proc + "/status") << "Name:\tx\nVmHWM: 40 kB\nRssAnon: 1 kB\nVmSwap: 0 kB\nVmData: 5 kB\n";
    std::ofstream(proc + "/maps") << "1000-3000 rw-p 0 00:00 0 [heap]\n";
    std::ofstream(proc + "/smaps_rollup") << "0-1 ---p 0 0 0 [rollup]\nPss: " << process.pss_kib
                                          << " kB\nPrivate_Clean: 1 kB\nPrivate_Dirty: 2 kB\nSwapPss: 0 kB\n";
  }
  void remove(unsigned pid) const { std::filesystem::remove_all(folder_ + "/proc/" + std::to_string(pid)); }

  ProcessFollower follower(Children children) {
    return {kernel::SystemRoot(folder_), clock_, children, kNanosecondsPerSecond};
  }
  void collect(ProcessFollower& follower) {
    clock_.advance_ns(100'000'000);
    ASSERT_TRUE(follower.collect(readings_, ended_));
  }

  std::string folder_;
  ManualClock clock_{{1'000'000'000, 0}};
  std::vector<ProcessReading> readings_;
  std::vector<EndedProcess> ended_;
};

TEST_F(FollowerTest, RefusesAProcessThatIsNotThere) {
  auto following = follower(Children::none);
  const auto added = following.add(42);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().message(), "there is no process 42");
  EXPECT_EQ(added.error().kind, ErrorKind::failed);
  EXPECT_EQ(following.named_running(), 0u);
}

TEST_F(FollowerTest, ReadsAgainAndAgainUntilItVanishes) {
  write({.pid = 42});
  auto following = follower(Children::none);
  ASSERT_TRUE(following.add(42));
  ASSERT_TRUE(following.add(42));  // twice is once
  collect(following);
  ASSERT_EQ(readings_.size(), 1u);
  EXPECT_EQ(readings_[0][ProcessField::resident_pages], Value::of(10));
  write({.pid = 42, .pages = 20});
  collect(following);
  EXPECT_EQ(readings_[0][ProcessField::resident_pages], Value::of(20));
  remove(42);
  collect(following);
  EXPECT_TRUE(readings_.empty());
  ASSERT_EQ(ended_.size(), 1u);
  EXPECT_TRUE(ended_[0].named);
  EXPECT_EQ(ended_[0].how, Presence::ended);
  EXPECT_EQ(ended_[0].last[ProcessField::resident_pages], Value::of(20));
  EXPECT_EQ(following.named_running(), 0u);
  collect(following);
  EXPECT_TRUE(ended_.empty());  // said once
}

TEST_F(FollowerTest, ANumberThatWasGivenAwayIsNotFollowedOn) {
  write({.pid = 42, .start = 500});
  auto following = follower(Children::none);
  ASSERT_TRUE(following.add(42));
  collect(following);
  write({.pid = 42, .pages = 99, .start = 700});
  collect(following);
  EXPECT_TRUE(readings_.empty());
  ASSERT_EQ(ended_.size(), 1u);
  EXPECT_EQ(ended_[0].how, Presence::replaced);
}

TEST_F(FollowerTest, AZombieHasEndedAndTellsItsLastCounters) {
  write({.pid = 42});
  auto following = follower(Children::none);
  ASSERT_TRUE(following.add(42));
  collect(following);
  write({.pid = 42, .pages = 0, .faults = 123, .state = 'Z'});
  collect(following);
  EXPECT_TRUE(readings_.empty());
  ASSERT_EQ(ended_.size(), 1u);
  EXPECT_EQ(ended_[0].last[ProcessField::minor_faults], Value::of(123));
}

TEST_F(FollowerTest, PssIsReadAtItsOwnRate) {
  write({.pid = 42, .pss_kib = 7});
  auto following = follower(Children::none);  // once a second; collect() goes on by 0.1 s
  ASSERT_TRUE(following.add(42));
  collect(following);
  EXPECT_EQ(readings_[0][ProcessField::proportional_kib], Value::of(7));
  write({.pid = 42, .pages = 11, .pss_kib = 8});
  for (int i = 0; i < 9; ++i) {
    collect(following);
    EXPECT_EQ(readings_[0][ProcessField::proportional_kib], Value::of(7));
    EXPECT_EQ(readings_[0][ProcessField::resident_pages], Value::of(11));
  }
  collect(following);
  EXPECT_EQ(readings_[0][ProcessField::proportional_kib], Value::of(8));
}

TEST_F(FollowerTest, DescendantsHaveRowsOfTheirOwn) {
  write({.pid = 42});
  write({.pid = 43, .parent = 42});
  write({.pid = 99, .parent = 1});
  auto following = follower(Children::rows);
  ASSERT_TRUE(following.add(42));
  collect(following);
  ASSERT_EQ(readings_.size(), 2u);
  EXPECT_EQ(readings_[1].pid, 43u);
  write({.pid = 44, .parent = 43});
  collect(following);
  ASSERT_EQ(readings_.size(), 3u);
  EXPECT_EQ(readings_[2].pid, 44u);
  write({.pid = 43, .parent = 42, .state = 'Z'});
  collect(following);
  ASSERT_EQ(readings_.size(), 2u);
  ASSERT_EQ(ended_.size(), 1u);
  EXPECT_EQ(ended_[0].last.pid, 43u);
  EXPECT_FALSE(ended_[0].named);
  collect(following);
  EXPECT_TRUE(ended_.empty());  // still a zombie, but said already
  remove(43);
  collect(following);
  EXPECT_TRUE(ended_.empty());
  EXPECT_EQ(readings_.size(), 2u);
}

TEST_F(FollowerTest, OrTheyAreSummed) {
  write({.pid = 42, .pages = 10, .faults = 100});
  write({.pid = 43, .parent = 42, .pages = 5, .faults = 50});
  auto following = follower(Children::sum);
  ASSERT_TRUE(following.add(42));
  collect(following);
  ASSERT_EQ(readings_.size(), 1u);
  EXPECT_EQ(readings_[0].pid, 42u);
  EXPECT_EQ(readings_[0][ProcessField::resident_pages], Value::of(15));
  EXPECT_EQ(readings_[0][ProcessField::proportional_kib], Value::of(14));
  EXPECT_EQ(readings_[0][ProcessField::minor_faults], Value::of(150));
  // A zombie has no memory, but its faults count until its parent has them.
  write({.pid = 43, .parent = 42, .pages = 0, .faults = 60, .state = 'Z'});
  collect(following);
  EXPECT_EQ(readings_[0][ProcessField::resident_pages], Value::of(10));
  EXPECT_EQ(readings_[0][ProcessField::minor_faults], Value::of(160));
}

TEST_F(FollowerTest, WhatWasRecordedComesBackTheSame) {
  write({.pid = 42});
  write({.pid = 43, .parent = 42, .pages = 5});
  auto following = follower(Children::rows);
  ASSERT_TRUE(following.add(42));
  record::SeriesTable table;
  ProcessSeries put(table);
  ProcessSeries take(table);
  for (int i = 0; i < 3; ++i) {
    if (i == 1) remove(43);
    if (i == 2) write({.pid = 44, .parent = 42, .pages = 6});
    collect(following);
    record::Sample sample;
    put.put(readings_, sample);
    std::vector<ProcessReading> again;
    take.take(sample, again);
    ASSERT_EQ(again.size(), readings_.size());
    for (std::size_t j = 0; j < again.size(); ++j) {
      EXPECT_EQ(again[j].pid, readings_[j].pid);
      EXPECT_EQ(again[j].command, readings_[j].command);
      EXPECT_EQ(again[j].values, readings_[j].values);
    }
  }
  EXPECT_EQ(take.page_size_bytes(), static_cast<std::uint64_t>(::getpagesize()));
}

TEST(LiveFollower, FollowsAForkAndItsEnd) {
  const pid_t child = ::fork();
  if (child == 0) {
    const pid_t grandchild = ::fork();
    if (grandchild == 0) {
      for (;;) ::pause();
    }
    ::waitpid(grandchild, nullptr, 0);
    for (;;) ::pause();
  }
  SystemClock clock;
  ProcessFollower following(kernel::SystemRoot(), clock, Children::rows, kNanosecondsPerSecond);
  ASSERT_TRUE(following.add(static_cast<unsigned>(child)));
  std::vector<ProcessReading> readings;
  std::vector<EndedProcess> ended;
  const std::int64_t end_ns = clock.now().monotonic_ns + 30 * kNanosecondsPerSecond;
  const auto until = [&](auto condition) {
    do {
      ASSERT_TRUE(following.collect(readings, ended));
      ASSERT_LT(clock.now().monotonic_ns, end_ns);
    } while (!condition());
  };
  until([&] { return readings.size() == 2; });
  EXPECT_EQ(readings[1].parent_pid, static_cast<unsigned>(child));
  ::kill(static_cast<pid_t>(readings[1].pid), SIGKILL);
  until([&] { return !ended.empty(); });
  EXPECT_FALSE(ended[0].named);
  ::kill(child, SIGKILL);
  until([&] { return !ended.empty(); });
  EXPECT_TRUE(ended[0].named);
  EXPECT_EQ(following.named_running(), 0u);
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace isotach::memory
