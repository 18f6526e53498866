#include "doctor/recent_diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/doctor_fixture.h"

namespace isotach::doctor {
namespace {

using kernel::VmCounter;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kSecondNs = kNanosecondsPerSecond;

TEST(RecentDiagnosis, RatesAreJudgedOverFiveToTenSecondsAndThenForgotten) {
  Patient patient;
  RecentDiagnosis recent;
  EXPECT_THAT(recent.judge(patient.before, 0).not_checked, testing::Contains(HasSubstr("half a second")));
  // A process is killed for lack of memory in the first second.
  patient.vm(VmCounter::oom_kills, 1);
  const auto found = [&](std::int64_t second) {
    const auto findings = recent.judge(patient.now, second * kSecondNs).findings;
    return std::any_of(findings.begin(), findings.end(),
                       [](const Finding& finding) { return finding.id == "oom-kills"; });
  };
  for (std::int64_t second = 1; second <= 9; ++second) EXPECT_TRUE(found(second)) << second;
  EXPECT_FALSE(found(11)) << "judged from the reading of the fifth second on";
  recent.restart();
  EXPECT_FALSE(found(12));
}

TEST(Findings, TheSameOfTheSameDeviceIsSaidOnce) {
  std::vector<Finding> findings = {{"interface-drops", Severity::info, "eth0", "first", {}, {}}};
  add_unsaid({{"interface-drops", Severity::info, "eth0", "second", {}, {}},
              {"link-down", Severity::critical, "eth1", "third", {}, {}}},
             findings);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].title, "third") << "the gravest first";
  EXPECT_EQ(findings[1].title, "first");
}

}  // namespace
}  // namespace isotach::doctor
