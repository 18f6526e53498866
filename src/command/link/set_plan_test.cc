#include "command/link/set_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isotach::command {
namespace {

using testing::HasSubstr;

TEST(SettingText, IsWhatLinkSetTakes) {
  EXPECT_EQ(setting_text("mtu", "9000"), "mtu 9000");
  EXPECT_EQ(setting_text("feature:rx-gro", "off"), "rx-gro off");
  EXPECT_EQ(setting_text("modes", "off 100 full 2ef"), "autoneg off speed 100 duplex full");
  EXPECT_EQ(setting_text("modes", "on unknown unknown 68"),
            "autoneg on advertise 100baseT/Full,1000baseT/Full");
}

TEST(ReadBack, AnMtuIsTakenExactlyOrNotAtAll) {
  EXPECT_TRUE(judge_read_back({"mtu", "1500", "9000"}, "9000"));
  const auto other = judge_read_back({"mtu", "1500", "9000"}, "8000");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message(), HasSubstr("'mtu 9000' was taken, but it reads 'mtu 8000'"));
}

TEST(ReadBack, DriversRoundRings) {
  const auto rounded = judge_read_back({"rx-ring", "256", "1000"}, "1024");
  ASSERT_TRUE(rounded);
  EXPECT_EQ(rounded->remark, "the driver made 1024 of 1000");
  EXPECT_FALSE(judge_read_back({"rx-ring", "256", "1000"}, "256")) << "nothing was done";
}

TEST(ReadBack, AForcedLinkMayNotBeUpYet) {
  const PlannedSetting planned{"modes", "on 1000 full 2ef", "off 100 full 2ef"};
  EXPECT_EQ(judge_read_back(planned, "off 100 full 2ef")->remark, "");
  EXPECT_THAT(judge_read_back(planned, "off unknown unknown 2ef")->remark, HasSubstr("not up yet"));
  EXPECT_FALSE(judge_read_back(planned, "off 10 half 2ef"));
  EXPECT_FALSE(judge_read_back(planned, "on 100 full 2ef")) << "it still negotiates";
}

TEST(ReadBack, WhatIsAdvertisedCountsNotWhatComesOfIt) {
  const PlannedSetting planned{"modes", "on 1000 full 62ef", "on 100 full 62c8"};
  EXPECT_EQ(judge_read_back(planned, "on unknown unknown 62c8")->remark, "");
  EXPECT_THAT(judge_read_back(planned, "on 1000 full c8")->remark, HasSubstr("not quite"));
  EXPECT_FALSE(judge_read_back(planned, "on 1000 full 62ef"));
}

}  // namespace
}  // namespace isotach::command
