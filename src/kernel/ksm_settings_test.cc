#include "kernel/ksm_settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "kernel/attribute.h"

namespace isotach::kernel {
namespace {

const KsmValues kDefaults = {{"advisor_min_pages_to_scan", "500"},
                             {"advisor_mode", "none"},
                             {"max_page_sharing", "256"},
                             {"merge_across_nodes", "1"},
                             {"pages_to_scan", "100"},
                             {"run", "0"},
                             {"sleep_millisecs", "20"}};

KsmValues with(KsmValues values, const KsmValues& changes) {
  for (const auto& [name, value] : changes)
    for (auto& entry : values)
      if (entry.first == name) entry.second = value;
  return values;
}

KsmValues writes(const KsmValues& now, const KsmValues& wanted, bool merged = false) {
  return plan_ksm_writes(now, wanted, merged, KsmUnmerge::where_needed).writes;
}

TEST(KsmPlan, RunComesLast) {
  EXPECT_EQ(writes(kDefaults, {{"run", "1"}, {"pages_to_scan", "1000"}, {"sleep_millisecs", "10"}}),
            (KsmValues{{"pages_to_scan", "1000"}, {"sleep_millisecs", "10"}, {"run", "1"}}));
}

TEST(KsmPlan, NothingToDoIsNoWrite) {
  EXPECT_TRUE(writes(kDefaults, kDefaults).empty());
  EXPECT_TRUE(writes(kDefaults, kDefaults, true).empty());
  EXPECT_TRUE(writes(kDefaults, {}).empty());
}

TEST(KsmPlan, NamesThatTheKernelLacksAreLeftOut) {
  EXPECT_EQ(writes(kDefaults, {{"smart_scan", "0"}, {"run", "1"}}), (KsmValues{{"run", "1"}}));
  // An old kernel without an advisor.
  EXPECT_EQ(writes({{"pages_to_scan", "100"}, {"run", "0"}},
                   {{"advisor_mode", "none"}, {"pages_to_scan", "200"}, {"run", "1"}}),
            (KsmValues{{"pages_to_scan", "200"}, {"run", "1"}}));
}

TEST(KsmPlan, WhileNothingIsMergedKsmdIsOnlyStopped) {
  const KsmValues running = with(kDefaults, {{"run", "1"}});
  EXPECT_EQ(writes(running, {{"max_page_sharing", "1000"}}),
            (KsmValues{{"run", "0"}, {"max_page_sharing", "1000"}, {"run", "1"}}));
  EXPECT_EQ(writes(kDefaults, {{"max_page_sharing", "1000"}}), (KsmValues{{"max_page_sharing", "1000"}}));
}

TEST(KsmPlan, MergedPagesAreTakenApartFirst) {
  const KsmValues running = with(kDefaults, {{"run", "1"}});
  const KsmPlan plan =
      plan_ksm_writes(running, {{"merge_across_nodes", "0"}, {"max_page_sharing", "1000"}, {"run", "1"}},
                      true, KsmUnmerge::where_needed);
  EXPECT_TRUE(plan.unmerges);
  EXPECT_EQ(
      plan.writes,
      (KsmValues{{"run", "2"}, {"max_page_sharing", "1000"}, {"merge_across_nodes", "0"}, {"run", "1"}}));
  EXPECT_TRUE(plan.refused.empty());
  // run 0 has pages merged as well: they stay when ksmd is stopped.
  EXPECT_EQ(writes(kDefaults, {{"max_page_sharing", "1000"}}, true),
            (KsmValues{{"run", "2"}, {"max_page_sharing", "1000"}, {"run", "0"}}));
}

TEST(KsmPlan, WhatWasNotMergedIsNotAfterwards) {
  const KsmValues running = with(kDefaults, {{"run", "1"}, {"pages_to_scan", "1000"}});
  KsmValues wanted = kDefaults;
  wanted.emplace_back(kKsmMergedPages, "0");
  EXPECT_EQ(writes(running, wanted, true), (KsmValues{{"run", "2"}, {"pages_to_scan", "100"}, {"run", "0"}}));
  EXPECT_EQ(writes(running, wanted), (KsmValues{{"pages_to_scan", "100"}, {"run", "0"}}));
  // Where memory does not suffice, the settings go back all the same.
  EXPECT_EQ(plan_ksm_writes(running, wanted, true, KsmUnmerge::never).writes,
            (KsmValues{{"pages_to_scan", "100"}, {"run", "0"}}));
}

TEST(KsmPlan, WithoutUnmergingTheRestIsStillDone) {
  const KsmPlan plan = plan_ksm_writes(kDefaults, {{"max_page_sharing", "1000"}, {"pages_to_scan", "7"}},
                                       true, KsmUnmerge::never);
  EXPECT_EQ(plan.refused, std::vector<std::string>{"max_page_sharing"});
  EXPECT_EQ(plan.writes, (KsmValues{{"pages_to_scan", "7"}}));
  EXPECT_FALSE(plan.unmerges);
  // A value that is there already needs no unmerging.
  EXPECT_TRUE(
      plan_ksm_writes(kDefaults, {{"max_page_sharing", "256"}}, true, KsmUnmerge::never).refused.empty());
}

TEST(KsmPlan, TheAdvisorGoesBeforeTheRateThatItOwns) {
  const KsmValues advised = with(kDefaults, {{"advisor_mode", "scan-time"}, {"pages_to_scan", "705"}});
  EXPECT_EQ(writes(advised, {{"advisor_mode", "none"}, {"pages_to_scan", "1000"}}),
            (KsmValues{{"advisor_mode", "none"}, {"pages_to_scan", "1000"}}));
  // Even where the number is the one that was read: switching the advisor off changes it.
  EXPECT_EQ(writes(advised, {{"advisor_mode", "none"}, {"pages_to_scan", "705"}}),
            (KsmValues{{"advisor_mode", "none"}, {"pages_to_scan", "705"}}));
  // And while it is on, the number is not ours.
  EXPECT_TRUE(writes(advised, {{"pages_to_scan", "1000"}}).empty());
}

TEST(KsmPlan, TheLimitsOfTheAdvisorComeBeforeIt) {
  EXPECT_EQ(writes(kDefaults, {{"advisor_mode", "scan-time"},
                               {"advisor_min_pages_to_scan", "600"},
                               {"pages_to_scan", "100"},
                               {"run", "1"}}),
            (KsmValues{{"advisor_min_pages_to_scan", "600"}, {"advisor_mode", "scan-time"}, {"run", "1"}}));
}

TEST(KsmUnmerge, NeedsTheMemoryThatMergingSaved) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const KsmMerged merged{1, 1000, 24};
  const std::uint64_t reserve = std::uint64_t{64} << 20;
  EXPECT_TRUE(check_memory_to_unmerge(merged, 1024 * page + reserve));
  const auto refused = check_memory_to_unmerge(merged, 1024 * page + reserve - 1);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().doing.find("needs 4 MiB"), std::string::npos) << refused.error().doing;
}

class KsmFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "isotach_ksm_" + std::to_string(::getpid());
    std::filesystem::create_directories(folder_);
    for (const auto& [name, value] : kDefaults) write(name, value);
    write("advisor_mode", "[none] scan-time");
    write("pages_shared", "0");
    write("pages_sharing", "0");
    write("ksm_zero_pages", "0");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& value) const {
    std::ofstream(folder_ + '/' + name) << value << '\n';
  }

  std::string folder_;
};

TEST_F(KsmFolder, SettingsAreToldFromCounters) {
  EXPECT_EQ(read_ksm_settings(folder_).value(), kDefaults);
  EXPECT_EQ(read_ksm_settings(folder_ + "/none").error().kind, ErrorKind::not_supported);
}

TEST_F(KsmFolder, WritesAreCarriedOutAndReadBack) {
  ASSERT_TRUE(write_ksm_settings(folder_, {{"run", "1"}, {"pages_to_scan", "1000"}}));
  EXPECT_EQ(read_attribute(folder_ + "/run").value(), "1");
  EXPECT_EQ(read_attribute(folder_ + "/pages_to_scan").value(), "1000");
}

TEST_F(KsmFolder, AWriteThatFailsDoesNotHoldUpTheRest) {
  std::filesystem::remove(folder_ + "/pages_to_scan");
  std::filesystem::create_symlink("/dev/full", folder_ + "/pages_to_scan");
  // /dev/full reads as endless zeros: the settings cannot be read at all.
  EXPECT_FALSE(write_ksm_settings(folder_, {{"pages_to_scan", "5"}, {"run", "1"}}));
  std::filesystem::remove(folder_ + "/pages_to_scan");
  std::filesystem::create_symlink("/dev/null", folder_ + "/pages_to_scan");
  const auto done = write_ksm_settings(folder_, {{"pages_to_scan", "5"}, {"run", "1"}});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().doing.find("pages_to_scan"), std::string::npos) << done.error().doing;
  EXPECT_EQ(read_attribute(folder_ + "/run").value(), "1");
}

}  // namespace
}  // namespace isotach::kernel
