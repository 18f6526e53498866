#include "kernel/link_setting.h"

#include <cerrno>

#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr std::string_view kFeature = "feature:";

Failure no_such_setting(const std::string& setting, const LinkTarget& target) {
  return system_failure(EOPNOTSUPP, "read " + printable(setting) + " of " + printable(target.name),
                        "its driver has no such setting");
}

Failure no_value(const std::string& setting, const std::string& value) {
  return failure(ErrorKind::failed, "'" + printable(value) + "' is no value for " + printable(setting));
}

}  // namespace

std::string modes_text(const LinkModes& modes) {
  std::string text = !modes.autonegotiation ? "unknown" : *modes.autonegotiation ? "on" : "off";
  text += ' ' + (modes.speed_mbit_s ? std::to_string(*modes.speed_mbit_s) : "unknown");
  text += ' ' + std::string(duplex_name(modes.duplex));
  return text + ' ' + mode_set_hex(modes.advertised);
}

std::optional<LinkModes> modes_from_text(std::string_view text) {
  const auto words = split(text, ' ');
  if (words.size() != 4) return std::nullopt;
  LinkModes modes;
  if (words[0] != "unknown") {
    if (words[0] != "on" && words[0] != "off") return std::nullopt;
    modes.autonegotiation = words[0] == "on";
  }
  if (words[1] != "unknown") {
    const auto speed = parse_unsigned(words[1]);
    if (!speed || *speed == 0 || *speed >= 0x7fffffff) return std::nullopt;
    modes.speed_mbit_s = static_cast<std::uint32_t>(*speed);
  }
  if (words[2] == "half") modes.duplex = Duplex::half;
  if (words[2] == "full") modes.duplex = Duplex::full;
  if (modes.duplex == Duplex::unknown && words[2] != "unknown") return std::nullopt;
  const auto advertised = mode_set_from_hex(words[3]);
  if (!advertised) return std::nullopt;
  modes.advertised = *advertised;
  return modes;
}

bool is_to_be_given_back(const std::string& setting, const std::string& earlier, const std::string& wanted,
                         const std::string& now) {
  if (now == earlier) return false;
  if (setting == "mtu" || setting.starts_with(kFeature)) return now == wanted;
  if (setting != "modes") return true;
  const auto were = modes_from_text(earlier);
  const auto set = modes_from_text(wanted);
  const auto are = modes_from_text(now);
  if (!were || !set || !are) return were.has_value();
  if (are->autonegotiation != set->autonegotiation) return false;
  // Speed and duplex of a link that negotiates are its result: only a real difference is worth a new one.
  const bool negotiated = were->autonegotiation.value_or(false) && are->autonegotiation.value_or(false);
  return !negotiated || were->advertised != are->advertised;
}

Result<LinkControl> LinkControl::open() {
  auto ethtool = Ethtool::open();
  if (!ethtool) return tl::make_unexpected(std::move(ethtool.error()));
  auto route = RouteSocket::open();
  if (!route) return tl::make_unexpected(std::move(route.error()));
  return LinkControl(std::move(*ethtool), std::move(*route));
}

Result<std::string> LinkControl::read(const LinkTarget& target, const std::string& setting) {
  if (setting == "mtu") {
    const auto link = route_.link(target.index);
    if (!link) return tl::make_unexpected(link.error());
    return std::to_string(link->mtu);
  }
  if (setting == "modes") {
    const auto modes = ethtool_.link_modes(target);
    if (!modes) return tl::make_unexpected(modes.error());
    return modes_text(*modes);
  }
  if (setting.starts_with(kFeature)) {
    const auto features = ethtool_.features(target);
    if (!features) return tl::make_unexpected(features.error());
    for (const Feature& feature : *features)
      if (feature.name == setting.substr(kFeature.size())) return std::string(feature.active ? "on" : "off");
    return no_such_setting(setting, target);
  }
  const auto place = find_settable_field(setting);
  if (!place) return no_such_setting(setting, target);
  const auto group = ethtool_.group(place->group, target);
  if (!group) return tl::make_unexpected(group.error());
  const Value& value = group->values[place->field];
  if (value.is_missing()) return no_such_setting(setting, target);
  const bool is_switch = ethtool_group(place->group).fields[place->field].is_switch;
  if (is_switch) return std::string(value.as_unsigned() != 0 ? "on" : "off");
  return std::to_string(value.as_unsigned());
}

Result<void> LinkControl::write(const LinkTarget& target, const std::string& setting,
                                const std::string& value) {
  if (setting == "modes") {
    auto modes = modes_from_text(value);
    if (!modes) return no_value(setting, value);
    const auto now = ethtool_.link_modes(target);
    if (!now) return tl::make_unexpected(now.error());
    modes->supported = now->supported;
    return ethtool_.set_link_modes(target, *modes);
  }
  if (setting.starts_with(kFeature))
    return ethtool_.set_feature(target, setting.substr(kFeature.size()), value == "on");
  const auto number = value == "on" ? 1 : value == "off" ? 0 : parse_unsigned(value);
  if (!number) return no_value(setting, value);
  if (setting == "mtu") return route_.set_mtu(target.index, static_cast<std::uint32_t>(*number));
  const auto place = find_settable_field(setting);
  if (!place) return no_such_setting(setting, target);
  return ethtool_.set_field(*place, target, *number);
}

}  // namespace isotach::kernel
