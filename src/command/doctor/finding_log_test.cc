#include "command/doctor/finding_log.h"

#include <gtest/gtest.h>

namespace isotach::command {
namespace {

using doctor::Finding;
using doctor::Severity;

constexpr std::int64_t kSecondNs = 1'000'000'000;

Finding of(const char* id, const char* subject, Severity severity = Severity::info) {
  return {id, severity, subject, "title", {}, {}};
}

TEST(FindingLog, ToldWhenItBeginsAndWhenItIsOver) {
  FindingLog log;
  const auto begun = log.update({of("slow-link", "eth0"), of("slow-link", "eth1")}, 0);
  ASSERT_EQ(begun.size(), 2U) << "of two devices";
  EXPECT_TRUE(begun[0].begins);
  EXPECT_TRUE(log.update({of("slow-link", "eth0"), of("slow-link", "eth1")}, 2 * kSecondNs).empty());
  EXPECT_TRUE(log.update({of("slow-link", "eth0")}, 11 * kSecondNs).empty()) << "it may come back";
  const auto over = log.update({of("slow-link", "eth0")}, 12 * kSecondNs);
  ASSERT_EQ(over.size(), 1U);
  EXPECT_FALSE(over[0].begins);
  EXPECT_EQ(over[0].finding.subject, "eth1");
  EXPECT_EQ(over[0].lasted_ns, 2 * kSecondNs);
  EXPECT_EQ(log.begun(), 2U);
}

TEST(FindingLog, KnowsWhetherThereWasAProblem) {
  FindingLog log;
  static_cast<void>(log.update({of("no-swap", "")}, 0));
  EXPECT_FALSE(log.had_problem()) << "only worth knowing";
  static_cast<void>(log.update({of("link-down", "eth0", Severity::warning)}, 1));
  static_cast<void>(log.update({}, 100 * kSecondNs));
  EXPECT_TRUE(log.had_problem()) << "though it is over";
}

}  // namespace
}  // namespace isotach::command
