#include "kernel/ethtool_reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/ethtool_netlink.h>

#include "kernel/netlink_fixture.h"

namespace isotach::kernel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::uint64_t value_of(EthtoolGroup group, const GroupReading& reading, std::string_view name) {
  const auto fields = ethtool_group(group).fields;
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (fields[i].name == name)
      return reading.values[i].is_missing() ? 999999 : reading.values[i].as_unsigned();
  ADD_FAILURE() << "no field " << name;
  return 0;
}

std::string bit(std::uint32_t index, std::string_view name, bool on) {
  std::string text(name);
  return attribute(ETHTOOL_A_BITSET_BITS_BIT,
                   number_attribute(ETHTOOL_A_BITSET_BIT_INDEX, index) +
                       attribute(ETHTOOL_A_BITSET_BIT_NAME, text + '\0') +
                       (on ? attribute(ETHTOOL_A_BITSET_BIT_VALUE, "") : std::string()));
}

TEST(EthtoolReply, LinkModesOfACardWhosePartnerIsHalfDuplex) {
  const auto modes =
      parse_link_modes(ethtool_answer(number_attribute<std::uint8_t>(ETHTOOL_A_LINKMODES_AUTONEG, 1) +
                                      bitset_attribute(ETHTOOL_A_LINKMODES_OURS, 0x2cf, 0x2ef) +
                                      bitset_attribute(ETHTOOL_A_LINKMODES_PEER, 0x45, 0) +
                                      number_attribute<std::uint32_t>(ETHTOOL_A_LINKMODES_SPEED, 100) +
                                      number_attribute<std::uint8_t>(ETHTOOL_A_LINKMODES_DUPLEX, 0)));
  ASSERT_TRUE(modes);
  EXPECT_EQ(modes->autonegotiation, true);
  EXPECT_EQ(modes->speed_mbit_s, 100U);
  EXPECT_EQ(modes->duplex, Duplex::half);
  EXPECT_EQ(modes->supported, LinkModeSet(0x2ef));
  EXPECT_EQ(modes->advertised, LinkModeSet(0x2cf));
  EXPECT_EQ(modes->partner, LinkModeSet(0x45));
  EXPECT_EQ(parse_ethtool_index(ethtool_answer("")), 3U);
}

TEST(EthtoolReply, UnknownIsUnknown) {
  for (const std::uint32_t speed : {0U, 0xffffU, 0xffffffffU}) {
    const auto modes =
        parse_link_modes(ethtool_answer(number_attribute(ETHTOOL_A_LINKMODES_SPEED, speed) +
                                        number_attribute<std::uint8_t>(ETHTOOL_A_LINKMODES_DUPLEX, 255)));
    ASSERT_TRUE(modes);
    EXPECT_EQ(modes->speed_mbit_s, std::nullopt) << speed;
    EXPECT_EQ(modes->duplex, Duplex::unknown);
    EXPECT_EQ(modes->autonegotiation, std::nullopt);
  }
  EXPECT_FALSE(parse_link_modes("")) << "no answer at all";
  EXPECT_FALSE(parse_link_modes(std::string(4, '\0'))) << "a head and nothing behind it";
}

TEST(EthtoolReply, SetsInTheLongFormMeanTheSame) {
  const std::string inside =
      number_attribute<std::uint32_t>(ETHTOOL_A_BITSET_SIZE, 92) +
      attribute(ETHTOOL_A_BITSET_BITS, bit(3, "100baseT/Full", true) + bit(5, "1000baseT/Full", false));
  const Bitset set = parse_bitset(inside);
  EXPECT_EQ(set.value, LinkModeSet(0x08));
  EXPECT_EQ(set.mask, LinkModeSet(0x28));
  EXPECT_THAT(set.names, ElementsAre(NamedNumber{"100baseT/Full", 3}, NamedNumber{"1000baseT/Full", 5}));
  const Bitset list = parse_bitset(attribute(ETHTOOL_A_BITSET_NOMASK, "") +
                                   attribute(ETHTOOL_A_BITSET_BITS, bit(0, "10baseT/Half", false)));
  EXPECT_EQ(list.value, LinkModeSet(1)) << "in a list every bit named is on";
  EXPECT_TRUE(parse_bitset(attribute(ETHTOOL_A_BITSET_BITS, bit(70000, "far", true))).value.none());
}

TEST(EthtoolReply, Rings) {
  const auto rings = parse_ethtool_group(
      EthtoolGroup::rings, ethtool_answer(number_attribute<std::uint32_t>(ETHTOOL_A_RINGS_RX_MAX, 4096) +
                                          number_attribute<std::uint32_t>(ETHTOOL_A_RINGS_RX, 512) +
                                          number_attribute<std::uint8_t>(ETHTOOL_A_RINGS_TX_PUSH, 1)));
  ASSERT_TRUE(rings);
  EXPECT_EQ(value_of(EthtoolGroup::rings, *rings, "rx_max"), 4096U);
  EXPECT_EQ(value_of(EthtoolGroup::rings, *rings, "rx"), 512U);
  EXPECT_EQ(value_of(EthtoolGroup::rings, *rings, "tx_push"), 1U);
  EXPECT_EQ(value_of(EthtoolGroup::rings, *rings, "tx"), 999999U) << "missing, not 0";
}

TEST(EthtoolReply, PauseWithStatisticsBehindIt) {
  const auto pause = parse_ethtool_group(
      EthtoolGroup::pause,
      ethtool_answer(number_attribute<std::uint8_t>(ETHTOOL_A_PAUSE_AUTONEG, 1) +
                     number_attribute<std::uint8_t>(ETHTOOL_A_PAUSE_RX, 0) +
                     number_attribute<std::uint8_t>(ETHTOOL_A_PAUSE_TX, 1) +
                     attribute(ETHTOOL_A_PAUSE_STATS, number_attribute<std::uint64_t>(2, 7))));
  ASSERT_TRUE(pause);
  EXPECT_EQ(value_of(EthtoolGroup::pause, *pause, "autonegotiation"), 1U);
  EXPECT_EQ(value_of(EthtoolGroup::pause, *pause, "rx"), 0U);
  EXPECT_EQ(value_of(EthtoolGroup::pause, *pause, "tx"), 1U);
}

TEST(EthtoolReply, ForwardErrorCorrection) {
  const auto fec = parse_ethtool_group(
      EthtoolGroup::fec, ethtool_answer(bitset_attribute(ETHTOOL_A_FEC_MODES, 1ULL << 50, 0) +
                                        number_attribute<std::uint8_t>(ETHTOOL_A_FEC_AUTO, 1) +
                                        number_attribute<std::uint32_t>(ETHTOOL_A_FEC_ACTIVE, 50)));
  ASSERT_TRUE(fec);
  EXPECT_THAT(link_mode_names(fec->ours), ElementsAre("RS"));
  EXPECT_EQ(value_of(EthtoolGroup::fec, *fec, "auto"), 1U);
  EXPECT_EQ(link_mode_name(value_of(EthtoolGroup::fec, *fec, "active")), "RS");
}

TEST(EthtoolReply, EnergyEfficientEthernet) {
  const auto eee = parse_ethtool_group(
      EthtoolGroup::eee, ethtool_answer(bitset_attribute(ETHTOOL_A_EEE_MODES_OURS, 0x28, 0x28) +
                                        bitset_attribute(ETHTOOL_A_EEE_MODES_PEER, 0x20, 0) +
                                        number_attribute<std::uint8_t>(ETHTOOL_A_EEE_ACTIVE, 1) +
                                        number_attribute<std::uint8_t>(ETHTOOL_A_EEE_ENABLED, 1) +
                                        number_attribute<std::uint32_t>(ETHTOOL_A_EEE_TX_LPI_TIMER, 17)));
  ASSERT_TRUE(eee);
  EXPECT_THAT(link_mode_names(eee->ours), ElementsAre("100baseT/Full", "1000baseT/Full"));
  EXPECT_THAT(link_mode_names(eee->partner), ElementsAre("1000baseT/Full"));
  EXPECT_EQ(value_of(EthtoolGroup::eee, *eee, "tx_lpi_timer_us"), 17U);
}

TEST(EthtoolReply, FeaturesAreFixedWhenTheHardwareOrTheKernelSaysSo) {
  const auto named = [](const std::string& bits) {
    return number_attribute<std::uint32_t>(ETHTOOL_A_BITSET_SIZE, 4) + attribute(ETHTOOL_A_BITSET_BITS, bits);
  };
  const std::string list = attribute(ETHTOOL_A_BITSET_NOMASK, "");
  const auto features = parse_features(ethtool_answer(
      attribute(ETHTOOL_A_FEATURES_HW, named(bit(0, "sg", true) + bit(1, "tso", true) + bit(2, "lro", false) +
                                             bit(3, "local", true))) +
      attribute(ETHTOOL_A_FEATURES_WANTED, list + named(bit(0, "sg", true) + bit(1, "tso", true))) +
      attribute(ETHTOOL_A_FEATURES_ACTIVE, list + named(bit(0, "sg", true) + bit(3, "local", true))) +
      attribute(ETHTOOL_A_FEATURES_NOCHANGE, list + named(bit(3, "local", true)))));
  EXPECT_THAT(features, ElementsAre(Feature{"sg", true, true, false}, Feature{"tso", false, true, false},
                                    Feature{"lro", false, false, true}, Feature{"local", true, false, true}));
}

TEST(EthtoolReply, StatisticsOfTheStandard) {
  const auto group = [](std::uint32_t id, std::uint16_t statistic, std::uint64_t number) {
    return attribute(ETHTOOL_A_STATS_GRP,
                     number_attribute(ETHTOOL_A_STATS_GRP_ID, id) +
                         attribute(ETHTOOL_A_STATS_GRP_STAT, number_attribute(statistic, number)));
  };
  EXPECT_THAT(parse_standard_statistics(ethtool_answer(
                  group(ETHTOOL_STATS_ETH_MAC, ETHTOOL_A_STATS_ETH_MAC_10_LATE_COL, 12) +
                  group(ETHTOOL_STATS_ETH_MAC, ETHTOOL_A_STATS_ETH_MAC_6_FCS_ERR, 5) +
                  group(ETHTOOL_STATS_RMON, ETHTOOL_A_STATS_RMON_FRAG, 3) +
                  group(ETHTOOL_STATS_ETH_PHY, ETHTOOL_A_STATS_ETH_PHY_5_SYM_ERR, 1) + group(77, 0, 1))),
              ElementsAre(NamedNumber{"late_collisions", 12}, NamedNumber{"frame_check_errors", 5},
                          NamedNumber{"fragments", 3}, NamedNumber{"symbol_errors", 1}));
  EXPECT_THAT(parse_standard_statistics(ethtool_answer("")), IsEmpty());
}

TEST(EthtoolReply, BytesOfAModule) {
  EXPECT_EQ(parse_module_bytes(ethtool_answer(attribute(ETHTOOL_A_MODULE_EEPROM_DATA, "\x03mod"))),
            "\x03mod");
  EXPECT_EQ(parse_module_bytes(ethtool_answer("")), "");
}

TEST(EthtoolGroups, EveryWordIsOfOneField) {
  std::vector<std::string_view> words;
  for (std::size_t group = 0; group < kEthtoolGroupCount; ++group) {
    const EthtoolGroupInfo& info = ethtool_group(static_cast<EthtoolGroup>(group));
    for (std::size_t field = 0; field < info.fields.size(); ++field) {
      const EthtoolField& each = info.fields[field];
      if (each.word.empty()) continue;
      EXPECT_NE(info.set_command, 0) << each.word;
      const auto found = find_settable_field(each.word);
      ASSERT_TRUE(found);
      EXPECT_EQ(static_cast<std::size_t>(found->group), group) << each.word;
      EXPECT_EQ(found->field, field) << each.word;
    }
  }
  EXPECT_FALSE(find_settable_field(""));
  EXPECT_FALSE(find_settable_field("mtu"));
}

}  // namespace
}  // namespace isotach::kernel
