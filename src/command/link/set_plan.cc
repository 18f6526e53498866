#include "command/link/set_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace isotach::command {
namespace {

using kernel::Duplex;
using kernel::LinkModes;

bool is_as_wanted(const LinkModes& now, const LinkModes& wanted) {
  return now.autonegotiation == wanted.autonegotiation &&
         (!wanted.speed_mbit_s || now.speed_mbit_s == wanted.speed_mbit_s) &&
         (wanted.duplex == Duplex::unknown || now.duplex == wanted.duplex) &&
         now.advertised == wanted.advertised;
}

Result<void> plan_link_modes(kernel::LinkControl& control, const kernel::LinkTarget& target,
                             const network::WantedModes& wanted, SetPlan& plan) {
  const auto now = control.ethtool().link_modes(target);
  if (!now) return tl::make_unexpected(now.error());
  const auto port = control.ethtool().group(kernel::EthtoolGroup::port, target);
  const bool twisted_pair = port && port->values[0] == Value::of(0);
  auto modes = network::plan_modes(target.name, wanted, *now, twisted_pair);
  if (!modes) return tl::make_unexpected(std::move(modes.error()));
  if (is_as_wanted(*now, modes->modes)) return {};
  plan.advice = std::move(modes->advice);
  plan.settings.push_back({"modes", kernel::modes_text(*now), kernel::modes_text(modes->modes)});
  return {};
}

Result<void> plan_one(kernel::LinkControl& control, const kernel::LinkTarget& target,
                      const std::string& setting, const std::string& wanted, SetPlan& plan) {
  auto now = control.read(target, setting);
  if (!now) return tl::make_unexpected(std::move(now.error()));
  if (*now != wanted) plan.settings.push_back({setting, std::move(*now), wanted});
  return {};
}

Result<void> plan_features(kernel::LinkControl& control, const kernel::LinkTarget& target,
                           const network::WantedSetting& wanted, SetPlan& plan) {
  const auto features = control.ethtool().features(target);
  if (!features) return tl::make_unexpected(features.error());
  const auto names = network::features_of_word(wanted.word, *features);
  if (names.empty())
    return failure(
        ErrorKind::not_supported,
        fmt::format("{} has nothing called {} that can be changed", target.name, printable(wanted.word)),
        "isotach link " + target.name + " lists its offloads");
  for (const kernel::Feature& feature : *features) {
    if (std::find(names.begin(), names.end(), feature.name) == names.end()) continue;
    if (feature.fixed && feature.active != (wanted.value == "on"))
      return failure(ErrorKind::not_supported, fmt::format("{} of {} is fixed", feature.name, target.name));
    if (auto planned = plan_one(control, target, "feature:" + feature.name, wanted.value, plan); !planned)
      return planned;
  }
  return {};
}

}  // namespace

Result<SetPlan> make_set_plan(kernel::LinkControl& control, const kernel::RouteLink& link,
                              const network::WantedChange& wanted) {
  const kernel::LinkTarget target{link.index, link.name};
  SetPlan plan{link, {}, {}};
  if (wanted.modes.any())
    if (auto planned = plan_link_modes(control, target, wanted.modes, plan); !planned)
      return tl::make_unexpected(std::move(planned.error()));
  for (const network::WantedSetting& setting : wanted.settings) {
    auto planned = network::is_feature_word(setting.word)
                       ? plan_features(control, target, setting, plan)
                       : plan_one(control, target, setting.word, setting.value, plan);
    if (!planned) return tl::make_unexpected(std::move(planned.error()));
  }
  return plan;
}

std::string setting_text(const std::string& setting, const std::string& value) {
  const auto modes = setting == "modes" ? kernel::modes_from_text(value) : std::nullopt;
  if (!modes) {
    const std::size_t colon = setting.find(':');
    return (colon == std::string::npos ? setting : setting.substr(colon + 1)) + ' ' + value;
  }
  std::string text = "autoneg ";
  text += !modes->autonegotiation ? "unknown" : *modes->autonegotiation ? "on" : "off";
  if (modes->speed_mbit_s) text += fmt::format(" speed {}", *modes->speed_mbit_s);
  if (modes->duplex != Duplex::unknown) text += fmt::format(" duplex {}", kernel::duplex_name(modes->duplex));
  const auto names = kernel::link_mode_names(kernel::speed_modes(modes->advertised));
  if (modes->autonegotiation.value_or(false) && !names.empty())
    text += fmt::format(" advertise {}", fmt::join(names, ","));
  return text;
}

Result<ReadBack> judge_read_back(const PlannedSetting& planned, const std::string& now) {
  const Error refused{
      ErrorKind::failed, 0,
      fmt::format("'{}' was taken, but it reads '{}'", setting_text(planned.setting, planned.wanted),
                  setting_text(planned.setting, now)),
      "its driver does not do what it was asked"};
  if (now == planned.wanted) return ReadBack{now, {}};
  if (planned.setting != "modes") {
    const bool exact = planned.setting == "mtu" || planned.setting.starts_with("feature:");
    if (exact || now == planned.earlier) return tl::make_unexpected(refused);
    return ReadBack{now, "the driver made " + now + " of " + planned.wanted};
  }
  const auto are = kernel::modes_from_text(now);
  const auto wanted = kernel::modes_from_text(planned.wanted);
  if (!are || !wanted || are->autonegotiation != wanted->autonegotiation) return tl::make_unexpected(refused);
  if (wanted->autonegotiation.value_or(false)) {
    if (are->advertised == wanted->advertised) return ReadBack{now, {}};
    if (now == planned.earlier) return tl::make_unexpected(refused);
    return ReadBack{now, "the driver advertises not quite what it was asked to"};
  }
  // While the link takes its new mode nothing is known of its speed.
  const bool speed_differs = are->speed_mbit_s && are->speed_mbit_s != wanted->speed_mbit_s;
  const bool duplex_differs = are->duplex != Duplex::unknown && are->duplex != wanted->duplex;
  if (speed_differs || duplex_differs) return tl::make_unexpected(refused);
  if (are->speed_mbit_s && are->duplex != Duplex::unknown) return ReadBack{now, {}};
  return ReadBack{now, "the link is not up yet; isotach link shows its speed when it is"};
}

}  // namespace isotach::command
