// What no interface of a test machine has, from constructed answers of the kernel to the text for people.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/ethtool_netlink.h>

#include "command/link/link_sample.h"
#include "kernel/netlink_fixture.h"

namespace isotach::command {
namespace {

using kernel::bitset_attribute;
using kernel::ethtool_answer;
using kernel::EthtoolGroup;
using kernel::number_attribute;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

LinkSample sample() {
  network::Link link;
  link.route.index = 3;
  link.route.name = "nic0";
  link.route.enabled = link.route.running = true;
  link.route.mtu = 1500;
  const Failure none = failure(ErrorKind::not_supported, "not told");
  LinkSample made{{}, {{}, {link}}, "nic0", {}};
  made.details.emplace(network::LinkDetails{
      kernel::DriverInfo{"ixgbe", "6.1", "0x800007a4", "0000:03:00.0"}, {}, none, none, none, none});
  made.details->groups.assign(kernel::kEthtoolGroupCount, none);
  return made;
}

void put(LinkSample& sample, EthtoolGroup group, const std::string& attributes) {
  sample.details->groups[static_cast<std::size_t>(group)] =
      *kernel::parse_ethtool_group(group, ethtool_answer(attributes));
}

TEST(LinkDetailsText, PauseEeeFecAndModule) {
  LinkSample made = sample();
  put(made, EthtoolGroup::pause,
      number_attribute<std::uint8_t>(ETHTOOL_A_PAUSE_AUTONEG, 1) +
          number_attribute<std::uint8_t>(ETHTOOL_A_PAUSE_RX, 0));
  put(made, EthtoolGroup::eee,
      bitset_attribute(ETHTOOL_A_EEE_MODES_OURS, 0x28, 0x28) +
          number_attribute<std::uint8_t>(ETHTOOL_A_EEE_ACTIVE, 1));
  put(made, EthtoolGroup::fec,
      bitset_attribute(ETHTOOL_A_FEC_MODES, 1ULL << 50, 0) +
          number_attribute<std::uint32_t>(ETHTOOL_A_FEC_ACTIVE, 50));
  std::string module(128, ' ');
  module[0] = 3;
  module.replace(20, 4, "ACME");
  made.details->module = module;
  const std::string text = link_details_text(made, 100);
  EXPECT_THAT(text, HasSubstr("ixgbe, firmware 0x800007a4, at 0000:03:00.0"));
  EXPECT_THAT(text, ContainsRegex("pause frames\n  negotiated +on\n  receive +off\n"));
  EXPECT_THAT(text, ContainsRegex("  active +on\n  advertised +100baseT/Full 1000baseT/Full\n"));
  EXPECT_THAT(text, ContainsRegex("  active +RS\n  configured +RS\n"));
  EXPECT_THAT(text, ContainsRegex("  kind +SFP\n  vendor +ACME\n"));
  EXPECT_THAT(text, ContainsRegex("not told by the driver +port, carrier"));
}

TEST(LinkDetailsText, WhatIsMissingIsSaidAndNeverZero) {
  const std::string text = link_details_text(sample(), 100);
  EXPECT_THAT(text, ContainsRegex("speed +-\n"));
  EXPECT_THAT(text, Not(ContainsRegex("speed +0")));
  EXPECT_THAT(text, HasSubstr("energy-efficient Ethernet"));
}

TEST(LinkJson, HasNullForWhatIsNotTold) {
  LinkSample made = sample();
  put(made, EthtoolGroup::rings, number_attribute<std::uint32_t>(ETHTOOL_A_RINGS_RX, 512));
  view::JsonWriter json;
  write_link_json(json, made);
  EXPECT_THAT(json.text(), HasSubstr(R"("speed_mbit_s":null,"duplex":null,"autonegotiation":null)"));
  EXPECT_THAT(json.text(), HasSubstr(R"("rx":512,"rx_mini":null)"));
  EXPECT_THAT(json.text(), HasSubstr(R"("pause":null)"));
  EXPECT_THAT(json.text(), HasSubstr(R"("counters":null)"));
}

TEST(LinkTable, HalfDuplexAndALostCarrierCatchTheEye) {
  LinkSample made = sample();
  made.now.links[0].modes.emplace();
  made.now.links[0].modes->duplex = kernel::Duplex::half;
  made.now.links[0].route.running = false;
  std::size_t warnings = 0;
  for (const auto& line : link_table(made).lines(200))
    for (const view::TableSpan& span : line)
      if (span.style == view::Style::warning) ++warnings;
  EXPECT_EQ(warnings, 2U);
}

}  // namespace
}  // namespace isotach::command
