#include "network/link/change_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace isotach::network {
namespace {

using kernel::Duplex;
using kernel::LinkModes;
using kernel::LinkModeSet;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Result<WantedChange> parsed(const std::string& text) {
  std::vector<std::string> words;
  for (const std::string_view word : split_blanks(text)) words.emplace_back(word);
  return parse_change_words(words);
}

// A gigabit card on copper.
LinkModes card() {
  LinkModes modes;
  modes.autonegotiation = true;
  modes.speed_mbit_s = 1000;
  modes.duplex = Duplex::full;
  modes.supported = modes.advertised = LinkModeSet(0x62ef);
  return modes;
}

ModesPlan planned(const std::string& text, const LinkModes& now) {
  const auto wanted = parsed(text);
  EXPECT_TRUE(wanted) << text;
  auto plan = plan_modes("eth0", wanted->modes, now, true);
  EXPECT_TRUE(plan) << text;
  return plan ? *plan : ModesPlan();
}

Error refused(const std::string& text, const LinkModes& now) {
  const auto wanted = parsed(text);
  EXPECT_TRUE(wanted) << text;
  auto plan = plan_modes("eth0", wanted->modes, now, true);
  EXPECT_FALSE(plan) << text;
  return plan ? Error() : plan.error();
}

TEST(ChangeWords, AreReadInPairs) {
  const auto change = parsed("speed 100 duplex full autoneg off mtu 9000 rx-ring 512 tso off adaptive-rx on");
  ASSERT_TRUE(change);
  EXPECT_EQ(change->modes.speed_mbit_s, 100U);
  EXPECT_EQ(change->modes.duplex, Duplex::full);
  EXPECT_EQ(change->modes.autonegotiation, false);
  EXPECT_THAT(change->settings, ElementsAre(WantedSetting{"mtu", "9000"}, WantedSetting{"rx-ring", "512"},
                                            WantedSetting{"tso", "off"}, WantedSetting{"adaptive-rx", "on"}));
  EXPECT_EQ(parsed("speed 2.5G")->modes.speed_mbit_s, 2500U);
  EXPECT_EQ(parsed("speed 100M")->modes.speed_mbit_s, 100U);
  EXPECT_TRUE(parsed("advertise all")->modes.advertise_all);
  EXPECT_EQ(parsed("advertise 100baseT/Full,1000baset/full")->modes.advertise, LinkModeSet(0x28));
}

TEST(ChangeWords, RefuseWhatMeansNothing) {
  for (const char* text :
       {"", "speed", "speed fast", "speed 0", "speed 1.5", "speed 99999999", "duplex both", "autoneg yes",
        "mtu 67", "mtu -1", "mtu 9000 mtu 1500", "rx-ring many", "rx-ring 4294967296", "tso 1",
        "advertise 1001baseT/Full", "advertise Autoneg", "sped 100", "eth0 speed 100"}) {
    const auto change = parsed(text);
    ASSERT_FALSE(change) << text;
    EXPECT_EQ(change.error().kind, ErrorKind::usage) << text;
  }
  EXPECT_THAT(parsed("sped 100").error().remedy, HasSubstr("speed"));
  EXPECT_TRUE(parsed("mtu 68"));
}

TEST(PlanModes, ForcingTakesSpeedAndDuplex) {
  const ModesPlan plan = planned("speed 100 duplex full autoneg off", card());
  EXPECT_EQ(plan.modes.autonegotiation, false);
  EXPECT_EQ(plan.modes.speed_mbit_s, 100U);
  EXPECT_EQ(plan.modes.duplex, Duplex::full);
  EXPECT_THAT(plan.advice, IsEmpty());
  // What is not said stays as it is.
  EXPECT_EQ(planned("duplex half autoneg off speed 100", card()).modes.speed_mbit_s, 100U);
  LinkModes unknown = card();
  unknown.speed_mbit_s.reset();
  EXPECT_EQ(refused("autoneg off duplex full", unknown).kind, ErrorKind::usage);
}

TEST(PlanModes, GigabitCopperIsNotForcedWithoutAdvice) {
  const ModesPlan plan = planned("speed 1000 duplex full autoneg off", card());
  ASSERT_EQ(plan.advice.size(), 1U);
  EXPECT_THAT(plan.advice[0], HasSubstr("isotach link set eth0 advertise 1000baseT/Full"));
  LinkModes fibre = card();
  fibre.supported = LinkModeSet();
  fibre.supported.set(41);  // 1000baseX/Full
  EXPECT_THAT(planned("speed 1000 duplex full autoneg off", fibre).advice, IsEmpty());
}

TEST(PlanModes, ASpeedWhileNegotiatingRestrictsWhatIsAdvertised) {
  const ModesPlan plan = planned("speed 100", card());
  EXPECT_EQ(plan.modes.autonegotiation, true);
  EXPECT_EQ(plan.modes.advertised, LinkModeSet(0x62cc)) << "100 half and full, and the abilities";
  ASSERT_EQ(plan.advice.size(), 1U);
  EXPECT_THAT(plan.advice[0], HasSubstr("100baseT/Half, 100baseT/Full"));
  EXPECT_EQ(planned("speed 100 duplex full", card()).modes.advertised, LinkModeSet(0x62c8));
}

TEST(PlanModes, AdvertisingMeansNegotiating) {
  LinkModes forced = card();
  forced.autonegotiation = false;
  forced.advertised = LinkModeSet(0);
  EXPECT_EQ(planned("advertise 1000baseT/Full", forced).modes.autonegotiation, true);
  EXPECT_EQ(planned("advertise 1000baseT/Full", forced).modes.advertised, LinkModeSet(0x60));
  EXPECT_EQ(planned("advertise all", forced).modes.advertised, LinkModeSet(0x6f));
  EXPECT_EQ(planned("autoneg on", forced).modes.advertised, LinkModeSet(0x6f)) << "all that is supported";
  EXPECT_EQ(refused("advertise all autoneg off", card()).kind, ErrorKind::usage);
}

TEST(PlanModes, WhatTheCardLacksIsRefusedWithWhatItHas) {
  EXPECT_THAT(refused("speed 10000", card()).remedy, HasSubstr("1000baseT/Full"));
  EXPECT_THAT(refused("speed 1000 duplex half autoneg off", card()).message(),
              HasSubstr("1 Gbit/s half duplex"));
  EXPECT_THAT(refused("advertise 10000baseT/Full", card()).message(), HasSubstr("10000baseT/Full"));
}

TEST(PlanModes, ACardThatTellsNoModesIsNotSecondGuessed) {
  LinkModes bare;
  bare.autonegotiation = false;
  bare.speed_mbit_s = 10000;
  bare.duplex = Duplex::full;
  EXPECT_EQ(planned("speed 1000", bare).modes.speed_mbit_s, 1000U);
  EXPECT_EQ(planned("speed 1000", bare).modes.autonegotiation, false);
  EXPECT_THAT(planned("speed 1000", bare).advice, IsEmpty());
}

TEST(FeatureWords, MeanWhatEthtoolMeans) {
  const std::vector<kernel::Feature> features = {{"tx-checksum-ipv4", false, false, true},
                                                 {"tx-checksum-ip-generic", true, true, false},
                                                 {"tx-tcp-segmentation", true, true, false},
                                                 {"tx-tcp6-segmentation", true, true, false},
                                                 {"rx-gro", true, true, false},
                                                 {"rx-gro-hw", false, false, false},
                                                 {"tx-scatter-gather-fraglist", true, true, false}};
  EXPECT_THAT(features_of_word("tx", features), ElementsAre("tx-checksum-ip-generic"));
  EXPECT_THAT(features_of_word("tso", features), ElementsAre("tx-tcp-segmentation", "tx-tcp6-segmentation"));
  EXPECT_THAT(features_of_word("gro", features), ElementsAre("rx-gro"));
  EXPECT_THAT(features_of_word("sg", features), IsEmpty()) << "the interface has none";
  EXPECT_THAT(features_of_word("rx-gro-hw", features), ElementsAre("rx-gro-hw"));
  EXPECT_THAT(features_of_word("tx-checksum-ipv4", features), ElementsAre("tx-checksum-ipv4"))
      << "fixed, but named";
  EXPECT_TRUE(is_feature_word("gro") && is_feature_word("rx-gro-list"));
  EXPECT_FALSE(is_feature_word("rx-ring") || is_feature_word("mtu"));
}

}  // namespace
}  // namespace isotach::network
