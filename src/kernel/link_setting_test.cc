#include "kernel/link_setting.h"

#include <gtest/gtest.h>

#include "kernel/change/undo_link.h"
#include "kernel/network_namespace.h"

namespace isotach::kernel {
namespace {

TEST(ModesText, ComesBack) {
  for (const char* text : {"on 1000 full 2ef", "off 100 half 0", "unknown unknown unknown 0"}) {
    const auto modes = modes_from_text(text);
    ASSERT_TRUE(modes) << text;
    EXPECT_EQ(modes_text(*modes), text);
  }
  for (const char* text : {"", "on", "on 100 full", "yes 100 full 0", "on 0 full 0", "on x full 0",
                           "on 100 both 0", "on 100 full 0x1", "on 100 full 0 1"})
    EXPECT_FALSE(modes_from_text(text)) << text;
}

TEST(GivingBack, IsNotNeededForWhatIsAsItWas) {
  EXPECT_FALSE(is_to_be_given_back("mtu", "1500", "9000", "1500"));
  EXPECT_FALSE(is_to_be_given_back("modes", "on 1000 full 2ef", "off 100 full 2ef", "on 1000 full 2ef"));
}

TEST(GivingBack, LeavesWhatSomebodyElseHasSet) {
  EXPECT_TRUE(is_to_be_given_back("mtu", "1500", "9000", "9000"));
  EXPECT_FALSE(is_to_be_given_back("mtu", "1500", "9000", "4000"));
  EXPECT_TRUE(is_to_be_given_back("feature:rx-gro", "on", "off", "off"));
  EXPECT_TRUE(is_to_be_given_back("modes", "on 1000 full 2ef", "off 100 full 2ef", "off 100 full 2ef"));
  EXPECT_FALSE(is_to_be_given_back("modes", "on 1000 full 2ef", "off 100 full 2ef", "on 100 full 2cf"));
}

TEST(GivingBack, DoesNotMistakeADriverForSomebodyElse) {
  EXPECT_TRUE(is_to_be_given_back("rx-ring", "256", "1000", "1024")) << "rounded";
  EXPECT_TRUE(is_to_be_given_back("modes", "on 1000 full 2ef", "off 100 full 2ef", "off unknown unknown 2ef"))
      << "the link is down while it takes the new mode";
  EXPECT_TRUE(is_to_be_given_back("modes", "on 1000 full 2ef", "on unknown unknown 2c8", "on 100 full 2c8"));
  EXPECT_FALSE(
      is_to_be_given_back("modes", "on 1000 full 2ef", "on unknown unknown 2c8", "on unknown unknown 2ef"))
      << "advertises the same again, and is still negotiating";
}

TEST(LinkControl, ReadsTheLoopback) {
  auto control = LinkControl::open();
  ASSERT_TRUE(control);
  const auto lo = control->route().link("lo");
  ASSERT_TRUE(lo);
  const LinkTarget target{lo->index, "lo"};
  EXPECT_EQ(control->read(target, "mtu"), std::to_string(lo->mtu));
  EXPECT_FALSE(control->read(target, "modes")) << "it has no speed";
  EXPECT_FALSE(control->read(target, "rx-ring"));
  EXPECT_FALSE(control->read(target, "no-such-word"));
  if (!control->ethtool().speaks_netlink()) GTEST_SKIP() << "this kernel has no ethtool netlink";
  EXPECT_EQ(control->read(target, "feature:loopback"), "on");
  EXPECT_FALSE(control->read(target, "feature:no-such-feature"));
}

TEST(Ethtool, WithoutNetlinkSaysWhatItLacks) {
  auto ethtool = Ethtool::open(false);
  ASSERT_TRUE(ethtool);
  EXPECT_FALSE(ethtool->speaks_netlink());
  const auto rings = ethtool->group(EthtoolGroup::rings, {1, "lo"});
  ASSERT_FALSE(rings);
  EXPECT_EQ(rings.error().kind, ErrorKind::not_supported);
  const auto modes = ethtool->all_link_modes({{1, "lo"}});
  ASSERT_TRUE(modes);
  EXPECT_TRUE(modes->empty());
}

TEST(EthtoolIoctl, TakesThreeSetsOfWords) {
  const std::uint32_t words[] = {0x2ef, 1, 0x2cf, 0, 0x45, 0};
  const LinkModes modes = modes_of_settings(100, 0, 1, words, 2);
  EXPECT_EQ(modes.supported, LinkModeSet(0x1000002efULL));
  EXPECT_EQ(modes.advertised, LinkModeSet(0x2cf));
  EXPECT_EQ(modes.partner, LinkModeSet(0x45));
  EXPECT_EQ(modes.duplex, Duplex::half);
  EXPECT_EQ(modes_of_settings(0xffffffff, 255, 0, words, 0).speed_mbit_s, std::nullopt);
}

TEST(NetworkNamespace, IsThisOne) {
  const auto own = current_network_namespace();
  ASSERT_TRUE(own);
  bool done = false;
  EXPECT_EQ(in_network_namespace(*own,
                                 [&]() -> Result<void> {
                                   done = true;
                                   return {};
                                 }),
            true);
  EXPECT_TRUE(done);
  EXPECT_EQ(in_network_namespace("1:1", []() -> Result<void> { return failure(ErrorKind::failed, "ran"); }),
            false)
      << "a namespace that is gone needs nothing";
}

TEST(UndoLink, DoesNothingForAnInterfaceThatIsAnotherOrGone) {
  const auto own = current_network_namespace();
  ASSERT_TRUE(own);
  auto control = LinkControl::open();
  ASSERT_TRUE(control);
  const auto lo = control->route().link("lo");
  ASSERT_TRUE(lo);
  const std::string mtu = std::to_string(lo->mtu);
  // Were any of these carried out, the MTU would change, or it would not be permitted.
  const LinkChange change{"lo", *own, lo->index, lo->address, "mtu", "1234", mtu};
  LinkChange other = change;
  other.address = "02:00:00:00:00:01";
  EXPECT_TRUE(take_back(undo_link(other)));
  other = change;
  other.index = 2000000000;
  EXPECT_TRUE(take_back(undo_link(other)));
  other = change;
  other.name_space = "1:1";
  EXPECT_TRUE(take_back(undo_link(other)));
  other = change;
  other.wanted = "4321";  // somebody else has set what it is now
  EXPECT_TRUE(take_back(undo_link(other)));
  EXPECT_EQ(control->read({lo->index, "lo"}, "mtu"), mtu);
}

TEST(UndoLink, SaysWhatItWillDo) {
  EXPECT_EQ(describe(undo_link({"eth0", "4:1", 2, "", "mtu", "1500", "9000"})), "give eth0 back: mtu 1500");
  EXPECT_EQ(describe(undo_link({"eth0", "4:1", 2, "", "modes", "on 1000 full 2ef", "off 100 full 2ef"})),
            "give eth0 back: autoneg on speed 1000 duplex full");
}

}  // namespace
}  // namespace isotach::kernel
