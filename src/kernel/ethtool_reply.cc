#include "kernel/ethtool_reply.h"

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "kernel/netlink_attributes.h"

namespace isotach::kernel {
namespace {

constexpr std::uint16_t kHeader = 1;  // ETHTOOL_A_*_HEADER is the first attribute of every answer
constexpr std::uint16_t kHeaderIndex = ETHTOOL_A_HEADER_DEV_INDEX;

// The attributes behind the header of generic netlink; none when there is no header.
std::vector<NetlinkAttribute> attributes_of(std::string_view payload) {
  if (payload.size() < sizeof(genlmsghdr)) return {};
  return netlink_attributes(payload.substr(sizeof(genlmsghdr)));
}

LinkModeSet words_of(std::string_view bytes) {
  LinkModeSet bits;
  for (std::size_t i = 0; i + 4 <= bytes.size() && i * 8 < kLinkModeLimit; i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    bits |= LinkModeSet(word) << (i * 8);
  }
  return bits;
}

void take_long_form(std::string_view nested, bool without_mask, Bitset& set) {
  for (const NetlinkAttribute& entry : netlink_attributes(nested)) {
    if (entry.type != ETHTOOL_A_BITSET_BITS_BIT) continue;
    const auto parts = netlink_attributes(entry.payload);
    const auto index = find_attribute(parts, ETHTOOL_A_BITSET_BIT_INDEX);
    const auto number = index ? index->number() : std::nullopt;
    if (!number || *number >= kLinkModeLimit) continue;
    const bool on = without_mask || find_attribute(parts, ETHTOOL_A_BITSET_BIT_VALUE).has_value();
    set.mask.set(*number);
    set.value.set(*number, on);
    if (const auto name = find_attribute(parts, ETHTOOL_A_BITSET_BIT_NAME))
      set.names.push_back({name->text(), *number});
  }
}

std::optional<LinkModeSet> set_of(const std::vector<NetlinkAttribute>& attributes, std::uint16_t type) {
  const auto attribute = find_attribute(attributes, type);
  if (!attribute) return std::nullopt;
  return parse_bitset(attribute->payload).value;
}

// Names of what struct ethtool_eth_mac_stats and ethtool_rmon_stats count, by their attributes.
constexpr std::array kMacNames = {"frames_transmitted_ok",     "single_collision_frames",
                                  "multiple_collision_frames", "frames_received_ok",
                                  "frame_check_errors",        "alignment_errors",
                                  "octets_transmitted_ok",     "deferred_transmissions",
                                  "late_collisions",           "excessive_collisions",
                                  "lost_mac_transmit_errors",  "carrier_sense_errors",
                                  "octets_received_ok",        "lost_mac_receive_errors",
                                  "multicast_transmitted_ok",  "broadcast_transmitted_ok",
                                  "excessive_deferrals",       "multicast_received_ok",
                                  "broadcast_received_ok",     "length_errors",
                                  "length_out_of_range",       "too_long_errors"};
constexpr std::array kRmonNames = {"undersize", "oversize", "fragments", "jabbers"};

std::string statistic_name(std::uint64_t group, std::uint16_t attribute) {
  if (group == ETHTOOL_STATS_ETH_MAC && attribute < kMacNames.size()) return kMacNames[attribute];
  if (group == ETHTOOL_STATS_RMON && attribute < kRmonNames.size()) return kRmonNames[attribute];
  if (group == ETHTOOL_STATS_ETH_PHY && attribute == ETHTOOL_A_STATS_ETH_PHY_5_SYM_ERR)
    return "symbol_errors";
  return {};
}

void take_statistics_group(std::string_view nested, std::vector<NamedNumber>& statistics) {
  const auto parts = netlink_attributes(nested);
  const auto id = find_attribute(parts, ETHTOOL_A_STATS_GRP_ID);
  const auto group = id ? id->number() : std::nullopt;
  if (!group) return;
  for (const NetlinkAttribute& part : parts) {
    if (part.type != ETHTOOL_A_STATS_GRP_STAT) continue;
    for (const NetlinkAttribute& statistic : netlink_attributes(part.payload)) {
      std::string name = statistic_name(*group, statistic.type);
      const auto number = statistic.number();
      if (!name.empty() && number) statistics.push_back({std::move(name), *number});
    }
  }
}

}  // namespace

Bitset parse_bitset(std::string_view nested) {
  Bitset set;
  const auto attributes = netlink_attributes(nested);
  const bool without_mask = find_attribute(attributes, ETHTOOL_A_BITSET_NOMASK).has_value();
  for (const NetlinkAttribute& attribute : attributes) {
    if (attribute.type == ETHTOOL_A_BITSET_VALUE) set.value = words_of(attribute.payload);
    if (attribute.type == ETHTOOL_A_BITSET_MASK) set.mask = words_of(attribute.payload);
    if (attribute.type == ETHTOOL_A_BITSET_BITS) take_long_form(attribute.payload, without_mask, set);
  }
  if (without_mask) {
    set.mask |= set.value;
  } else {
    set.value &= set.mask;  // what it does not speak of says nothing
  }
  return set;
}

unsigned parse_ethtool_index(std::string_view payload) {
  const auto header = find_attribute(attributes_of(payload), kHeader);
  if (!header) return 0;
  const auto index = find_attribute(netlink_attributes(header->payload), kHeaderIndex);
  const auto number = index ? index->number() : std::nullopt;
  return static_cast<unsigned>(number.value_or(0));
}

std::optional<LinkModes> parse_link_modes(std::string_view payload) {
  const auto attributes = attributes_of(payload);
  if (!find_attribute(attributes, kHeader)) return std::nullopt;
  LinkModes modes;
  for (const NetlinkAttribute& attribute : attributes) {
    const auto number = attribute.number();
    switch (attribute.type) {
      case ETHTOOL_A_LINKMODES_AUTONEG:
        if (number) modes.autonegotiation = *number != 0;
        break;
      case ETHTOOL_A_LINKMODES_OURS: {
        const Bitset set = parse_bitset(attribute.payload);
        modes.supported = set.mask;
        modes.advertised = set.value;
        break;
      }
      case ETHTOOL_A_LINKMODES_PEER:
        modes.partner = parse_bitset(attribute.payload).value;
        break;
      case ETHTOOL_A_LINKMODES_SPEED:
        // SPEED_UNKNOWN is -1; drivers also say 0, and 65535 in the words of an older interface.
        if (number && *number != 0 && *number != 0xffff && *number < 0x7fffffff)
          modes.speed_mbit_s = static_cast<std::uint32_t>(*number);
        break;
      case ETHTOOL_A_LINKMODES_DUPLEX:
        if (number && *number <= 1) modes.duplex = static_cast<Duplex>(*number);
        break;
      default:
        break;
    }
  }
  return modes;
}

std::optional<GroupReading> parse_ethtool_group(EthtoolGroup group, std::string_view payload) {
  const auto attributes = attributes_of(payload);
  if (!find_attribute(attributes, kHeader)) return std::nullopt;
  GroupReading reading;
  for (const EthtoolField& field : ethtool_group(group).fields) {
    const auto attribute = find_attribute(attributes, field.attribute);
    const auto number = attribute ? attribute->number() : std::nullopt;
    reading.values.push_back(number ? Value::of(*number) : Value(Missing::not_supported));
  }
  if (group == EthtoolGroup::eee) {
    reading.ours = set_of(attributes, ETHTOOL_A_EEE_MODES_OURS).value_or(LinkModeSet());
    reading.partner = set_of(attributes, ETHTOOL_A_EEE_MODES_PEER).value_or(LinkModeSet());
  }
  if (group == EthtoolGroup::fec)
    reading.ours = set_of(attributes, ETHTOOL_A_FEC_MODES).value_or(LinkModeSet());
  return reading;
}

std::vector<Feature> parse_features(std::string_view payload) {
  const auto attributes = attributes_of(payload);
  const auto set = [&](std::uint16_t type) {
    const auto attribute = find_attribute(attributes, type);
    return attribute ? parse_bitset(attribute->payload) : Bitset();
  };
  const Bitset changeable = set(ETHTOOL_A_FEATURES_HW);
  const Bitset wanted = set(ETHTOOL_A_FEATURES_WANTED);
  const Bitset active = set(ETHTOOL_A_FEATURES_ACTIVE);
  const Bitset held = set(ETHTOOL_A_FEATURES_NOCHANGE);
  // The kernel names in each set only the bits that are on, but in HW those that exist at all.
  std::vector<NamedNumber> names = changeable.names;
  for (const Bitset* more : {&active, &wanted, &held})
    for (const NamedNumber& name : more->names)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  std::sort(names.begin(), names.end(),
            [](const NamedNumber& a, const NamedNumber& b) { return a.value < b.value; });
  std::vector<Feature> features;
  for (const NamedNumber& name : names) {
    const auto bit = static_cast<std::size_t>(name.value);
    features.push_back(
        {name.name, active.value[bit], wanted.value[bit], !changeable.value[bit] || held.value[bit]});
  }
  return features;
}

std::vector<NamedNumber> parse_standard_statistics(std::string_view payload) {
  std::vector<NamedNumber> statistics;
  for (const NetlinkAttribute& attribute : attributes_of(payload))
    if (attribute.type == ETHTOOL_A_STATS_GRP) take_statistics_group(attribute.payload, statistics);
  return statistics;
}

std::string parse_module_bytes(std::string_view payload) {
  const auto data = find_attribute(attributes_of(payload), ETHTOOL_A_MODULE_EEPROM_DATA);
  return data ? std::string(data->payload) : std::string();
}

std::optional<std::uint16_t> parse_family_number(std::string_view payload) {
  const auto attribute = find_attribute(attributes_of(payload), CTRL_ATTR_FAMILY_ID);
  const auto number = attribute ? attribute->number() : std::nullopt;
  if (!number || *number > 0xffff) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

}  // namespace isotach::kernel
