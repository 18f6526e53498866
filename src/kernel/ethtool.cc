#include "kernel/ethtool.h"

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include <cerrno>

#include "base/text.h"
#include "kernel/netlink_attributes.h"

namespace isotach::kernel {
namespace {

constexpr std::uint16_t kHeader = 1;  // ETHTOOL_A_*_HEADER is the first attribute of every request
constexpr std::uint32_t kShortSets = ETHTOOL_FLAG_COMPACT_BITSETS;
// The pages of a module's memory are read through this address, except for the second half of an SFP's.
constexpr std::uint8_t kModuleI2cAddress = 0x50;

void put_generic_header(NetlinkMessage& message, std::uint8_t command, std::uint8_t version) {
  genlmsghdr header{};
  header.cmd = command;
  header.version = version;
  message.put_header(&header, sizeof header);
}

Failure without_netlink(const std::string& what) {
  return system_failure(EOPNOTSUPP, what, "ethtool netlink came with Linux 5.6");
}

// A set in the short form that replaces all there was.
void put_set(NetlinkMessage& message, std::uint16_t attribute, const LinkModeSet& modes) {
  std::size_t words = 1;
  for (std::size_t bit = 0; bit < kLinkModeLimit; ++bit)
    if (modes[bit]) words = bit / 32 + 1;
  std::string bytes;
  for (std::size_t word = 0; word < words; ++word) {
    const auto value =
        static_cast<std::uint32_t>(((modes >> (word * 32)) & LinkModeSet(0xffffffffU)).to_ullong());
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  const std::size_t nest = message.begin_nest(attribute);
  message.put_flag(ETHTOOL_A_BITSET_NOMASK);
  message.put_u32(ETHTOOL_A_BITSET_SIZE, static_cast<std::uint32_t>(words * 32));
  message.put_bytes(ETHTOOL_A_BITSET_VALUE, bytes);
  message.end_nest(nest);
}

std::optional<std::uint16_t> family_number(NetlinkSocket& socket) {
  NetlinkMessage message(GENL_ID_CTRL, NetlinkMessage::Kind::get);
  put_generic_header(message, CTRL_CMD_GETFAMILY, 1);
  message.put_text(CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME);
  std::optional<std::uint16_t> number;
  static_cast<void>(socket.ask(message, "look for ethtool netlink",
                               [&](std::string_view payload) { number = parse_family_number(payload); }));
  return number;
}

std::string of(const LinkTarget& target) {
  return " of " + printable(target.name);
}

}  // namespace

Result<Ethtool> Ethtool::open(bool netlink) {
  auto ioctl = EthtoolIoctl::open();
  if (!ioctl) return tl::make_unexpected(std::move(ioctl.error()));
  Ethtool ethtool(std::move(*ioctl));
  auto socket = netlink ? NetlinkSocket::open(NETLINK_GENERIC) : system_failure(EOPNOTSUPP, "");
  if (!socket) return ethtool;
  const auto family = family_number(*socket);
  if (!family) return ethtool;
  ethtool.family_ = *family;
  ethtool.netlink_.emplace(std::move(*socket));
  return ethtool;
}

NetlinkMessage Ethtool::request(std::uint8_t command, NetlinkMessage::Kind kind, const LinkTarget* target,
                                std::uint32_t flags) const {
  NetlinkMessage message(family_, kind);
  put_generic_header(message, command, ETHTOOL_GENL_VERSION);
  const std::size_t nest = message.begin_nest(kHeader | NLA_F_NESTED);
  if (target != nullptr) message.put_u32(ETHTOOL_A_HEADER_DEV_INDEX, target->index);
  if (flags != 0) message.put_u32(ETHTOOL_A_HEADER_FLAGS, flags);
  message.end_nest(nest);
  return message;
}

Result<std::string> Ethtool::ask_one(std::uint8_t command, const LinkTarget& target,
                                     const std::string& what) {
  if (!netlink_) return without_netlink(what + of(target));
  const bool long_sets = command == ETHTOOL_MSG_FEATURES_GET;
  NetlinkMessage message = request(command, NetlinkMessage::Kind::get, &target, long_sets ? 0 : kShortSets);
  if (command == ETHTOOL_MSG_STATS_GET) {
    LinkModeSet groups;
    for (const unsigned group : {ETHTOOL_STATS_ETH_PHY, ETHTOOL_STATS_ETH_MAC, ETHTOOL_STATS_RMON})
      groups.set(group);
    put_set(message, ETHTOOL_A_STATS_GROUPS | NLA_F_NESTED, groups);
  }
  std::string answer;
  auto asked = netlink_->ask(message, what + of(target), [&](std::string_view payload) { answer = payload; });
  if (!asked) return tl::make_unexpected(std::move(asked.error()));
  return answer;
}

Result<std::vector<std::pair<unsigned, LinkModes>>> Ethtool::all_link_modes(
    const std::vector<LinkTarget>& targets) {
  std::vector<std::pair<unsigned, LinkModes>> all;
  if (!netlink_) {
    for (const LinkTarget& target : targets)
      if (auto modes = ioctl_.link_modes(target.name)) all.emplace_back(target.index, *modes);
    return all;
  }
  NetlinkMessage message =
      request(ETHTOOL_MSG_LINKMODES_GET, NetlinkMessage::Kind::dump, nullptr, kShortSets);
  auto asked = netlink_->ask(message, "ask for the link modes", [&](std::string_view payload) {
    if (const auto modes = parse_link_modes(payload)) all.emplace_back(parse_ethtool_index(payload), *modes);
  });
  if (!asked) return tl::make_unexpected(std::move(asked.error()));
  return all;
}

Result<LinkModes> Ethtool::link_modes(const LinkTarget& target) {
  if (!netlink_) return ioctl_.link_modes(target.name);
  const std::string what = "read the link modes";
  const auto answer = ask_one(ETHTOOL_MSG_LINKMODES_GET, target, what);
  if (!answer) return tl::make_unexpected(answer.error());
  const auto modes = parse_link_modes(*answer);
  if (!modes) return system_failure(EBADMSG, what + of(target));
  return *modes;
}

Result<GroupReading> Ethtool::group(EthtoolGroup group, const LinkTarget& target) {
  const EthtoolGroupInfo& info = ethtool_group(group);
  const std::string what = "read the settings '" + std::string(info.title) + "'";
  const auto answer = ask_one(info.get_command, target, what);
  if (!answer) return tl::make_unexpected(answer.error());
  auto reading = parse_ethtool_group(group, *answer);
  if (!reading) return system_failure(EBADMSG, what + of(target));
  return std::move(*reading);
}

Result<std::vector<Feature>> Ethtool::features(const LinkTarget& target) {
  const auto answer = ask_one(ETHTOOL_MSG_FEATURES_GET, target, "read the features");
  if (!answer) return tl::make_unexpected(answer.error());
  return parse_features(*answer);
}

Result<std::vector<NamedNumber>> Ethtool::standard_statistics(const LinkTarget& target) {
  const auto answer = ask_one(ETHTOOL_MSG_STATS_GET, target, "read the standard statistics");
  if (!answer) return tl::make_unexpected(answer.error());
  return parse_standard_statistics(*answer);
}

Result<std::string> Ethtool::module_bytes(const LinkTarget& target, const ModuleAddress& address) {
  const std::string what = "read the module" + of(target);
  if (!netlink_) return without_netlink(what);
  NetlinkMessage message = request(ETHTOOL_MSG_MODULE_EEPROM_GET, NetlinkMessage::Kind::get, &target, 0);
  message.put_u32(ETHTOOL_A_MODULE_EEPROM_OFFSET, address.offset);
  message.put_u32(ETHTOOL_A_MODULE_EEPROM_LENGTH, address.length);
  message.put_u8(ETHTOOL_A_MODULE_EEPROM_PAGE, address.page);
  message.put_u8(ETHTOOL_A_MODULE_EEPROM_I2C_ADDRESS, kModuleI2cAddress);
  std::string bytes;
  auto asked =
      netlink_->ask(message, what, [&](std::string_view payload) { bytes = parse_module_bytes(payload); });
  if (!asked) return tl::make_unexpected(std::move(asked.error()));
  return bytes;
}

Result<DriverInfo> Ethtool::driver(const LinkTarget& target) const {
  return ioctl_.driver(target.name);
}

Result<std::vector<NamedNumber>> Ethtool::driver_statistics(const LinkTarget& target) const {
  return ioctl_.statistics(target.name);
}

Result<void> Ethtool::set_link_modes(const LinkTarget& target, const LinkModes& modes) {
  if (!netlink_) return ioctl_.set_link_modes(target.name, modes);
  NetlinkMessage message = request(ETHTOOL_MSG_LINKMODES_SET, NetlinkMessage::Kind::change, &target, 0);
  if (modes.autonegotiation)
    message.put_u8(ETHTOOL_A_LINKMODES_AUTONEG, *modes.autonegotiation ? AUTONEG_ENABLE : AUTONEG_DISABLE);
  // An interface that supports no modes has none to advertise.
  if (modes.supported.any()) put_set(message, ETHTOOL_A_LINKMODES_OURS | NLA_F_NESTED, modes.advertised);
  if (modes.speed_mbit_s) message.put_u32(ETHTOOL_A_LINKMODES_SPEED, *modes.speed_mbit_s);
  if (modes.duplex != Duplex::unknown)
    message.put_u8(ETHTOOL_A_LINKMODES_DUPLEX, static_cast<std::uint8_t>(modes.duplex));
  return netlink_->ask(message, "set the link modes" + of(target));
}

Result<void> Ethtool::set_field(const FieldOfGroup& place, const LinkTarget& target, std::uint64_t value) {
  const EthtoolGroupInfo& info = ethtool_group(place.group);
  const EthtoolField& field = info.fields[place.field];
  const std::string what = "set " + std::string(field.word) + of(target) + " to " +
                           (field.is_switch ? value != 0 ? "on" : "off" : std::to_string(value));
  if (!netlink_) return without_netlink(what);
  NetlinkMessage message = request(info.set_command, NetlinkMessage::Kind::change, &target, 0);
  if (field.bytes == 1) {
    message.put_u8(field.attribute, static_cast<std::uint8_t>(value));
  } else {
    message.put_u32(field.attribute, static_cast<std::uint32_t>(value));
  }
  return netlink_->ask(message, what);
}

Result<void> Ethtool::set_feature(const LinkTarget& target, const std::string& feature, bool on) {
  const std::string what = "switch " + printable(feature) + of(target) + (on ? " on" : " off");
  if (!netlink_) return without_netlink(what);
  NetlinkMessage message = request(ETHTOOL_MSG_FEATURES_SET, NetlinkMessage::Kind::change, &target, 0);
  const std::size_t set = message.begin_nest(ETHTOOL_A_FEATURES_WANTED | NLA_F_NESTED);
  const std::size_t bits = message.begin_nest(ETHTOOL_A_BITSET_BITS | NLA_F_NESTED);
  const std::size_t bit = message.begin_nest(ETHTOOL_A_BITSET_BITS_BIT | NLA_F_NESTED);
  message.put_text(ETHTOOL_A_BITSET_BIT_NAME, feature);
  if (on) message.put_flag(ETHTOOL_A_BITSET_BIT_VALUE);
  message.end_nest(bit);
  message.end_nest(bits);
  message.end_nest(set);
  return netlink_->ask(message, what);
}

}  // namespace isotach::kernel
