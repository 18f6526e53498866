#include "kernel/link_modes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isotach::kernel {
namespace {

using testing::ElementsAre;

LinkModeSet set_of(unsigned long long bits) {
  return LinkModeSet(bits);
}

TEST(LinkModes, HaveTheKernelsNumbers) {
  EXPECT_EQ(link_mode_name(0), "10baseT/Half");
  EXPECT_EQ(link_mode_name(5), "1000baseT/Full");
  EXPECT_EQ(link_mode_name(12), "10000baseT/Full");
  EXPECT_EQ(link_mode_name(31), "25000baseCR/Full");
  EXPECT_EQ(link_mode_name(47), "2500baseT/Full");
  EXPECT_EQ(link_mode_name(69), "400000baseKR8/Full");
  EXPECT_EQ(link_mode_name(92), "10baseT1L/Full");
  EXPECT_EQ(link_mode_name(250), "mode 250");
  EXPECT_EQ(link_mode_from_name("1000BASET/full"), 5U);
  EXPECT_FALSE(link_mode_from_name("1001baseT/Full"));
}

TEST(LinkModes, EveryNameWithASpeedHasOne) {
  std::size_t speeds = 0;
  for (std::size_t mode = 0; mode < kLinkModeLimit; ++mode) {
    const std::string name = link_mode_name(mode);
    const auto speed = link_mode_speed(mode);
    EXPECT_EQ(speed.has_value(), name.find("base") != std::string::npos) << name;
    if (!speed) continue;
    ++speeds;
    EXPECT_TRUE(name.starts_with(std::to_string(speed->mbit_s) + "base")) << name;
    EXPECT_EQ(link_mode_from_name(name), mode);
  }
  EXPECT_GE(speeds, 90U);
}

TEST(LinkModes, TheBestIsTheFastestAndFullRatherThanHalf) {
  EXPECT_EQ(best_speed(set_of(0x0f)), (LinkSpeed{100, Duplex::full}));
  EXPECT_EQ(best_speed(set_of(0x07)), (LinkSpeed{100, Duplex::half}));
  EXPECT_EQ(best_speed(set_of(0x10 | 0x08)), (LinkSpeed{1000, Duplex::half}));
  EXPECT_EQ(best_speed(set_of(0xc0)), std::nullopt) << "Autoneg and TP are no speeds";
  EXPECT_THAT(link_mode_names(modes_of(set_of(0x2ef), 100, Duplex::full)), ElementsAre("100baseT/Full"));
  EXPECT_THAT(link_mode_names(modes_of(set_of(0x2ef), 100, Duplex::unknown)),
              ElementsAre("100baseT/Half", "100baseT/Full"));
  EXPECT_EQ(speed_modes(set_of(0x2ef)), set_of(0x2f));
}

TEST(LinkModes, GigabitCopperNeedsAutonegotiation) {
  EXPECT_FALSE(needs_autonegotiation(*link_mode_from_name("100baseT/Full")));
  EXPECT_TRUE(needs_autonegotiation(*link_mode_from_name("1000baseT/Full")));
  EXPECT_TRUE(needs_autonegotiation(*link_mode_from_name("10000baseT/Full")));
  EXPECT_FALSE(needs_autonegotiation(*link_mode_from_name("1000baseX/Full")));
  EXPECT_FALSE(needs_autonegotiation(*link_mode_from_name("10000baseSR/Full")));
  EXPECT_FALSE(needs_autonegotiation(*link_mode_from_name("1000baseT1/Full"))) << "one pair, for cars";
}

TEST(LinkModes, SpeedsAreTexts) {
  EXPECT_EQ(speed_text({100, Duplex::half}), "100 Mbit/s half duplex");
  EXPECT_EQ(speed_text({2500, Duplex::full}), "2.5 Gbit/s full duplex");
  EXPECT_EQ(speed_text({10000, Duplex::unknown}), "10 Gbit/s");
  EXPECT_EQ(speed_text({12345, Duplex::unknown}), "12345 Mbit/s");
}

TEST(LinkModes, SetsComeBackFromHexadecimal) {
  for (const unsigned long long bits : {0ULL, 1ULL, 0x2efULL, 0x8000000000000001ULL})
    EXPECT_EQ(mode_set_from_hex(mode_set_hex(set_of(bits))), set_of(bits));
  LinkModeSet high;
  high.set(0).set(102).set(255);
  EXPECT_EQ(mode_set_from_hex(mode_set_hex(high)), high);
  EXPECT_EQ(mode_set_hex(set_of(0x2ef)), "2ef");
  for (const char* text : {"", "x", "2EF", "0x1", " 1"}) EXPECT_FALSE(mode_set_from_hex(text)) << text;
  EXPECT_FALSE(mode_set_from_hex(std::string(65, '1')));
}

}  // namespace
}  // namespace isotach::kernel
