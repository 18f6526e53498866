#include "network/link/change_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace isotach::network {
namespace {

using kernel::Duplex;
using kernel::LinkModes;
using kernel::LinkModeSet;

constexpr std::uint64_t kLargestMbitS = 10'000'000;
constexpr std::uint64_t kLargestNumber = 0xffffffff;
constexpr std::uint64_t kSmallestMtu = 68;  // RFC 791

// Features by the short words of ethtool: by a name, or by how it begins and ends.
struct FeatureWord {
  std::string_view word;
  std::string_view begin;
  std::string_view end;
};
constexpr std::array kFeatureWords = {
    FeatureWord{"rx", "rx-checksum", ""},
    FeatureWord{"tx", "tx-checksum-", ""},
    FeatureWord{"sg", "tx-scatter-gather", ""},
    FeatureWord{"tso", "tx-tcp", "-segmentation"},
    FeatureWord{"gso", "tx-generic-segmentation", ""},
    FeatureWord{"gro", "rx-gro", ""},
    FeatureWord{"lro", "rx-lro", ""},
    FeatureWord{"rxvlan", "rx-vlan-hw-parse", ""},
    FeatureWord{"txvlan", "tx-vlan-hw-insert", ""},
    FeatureWord{"ntuple", "rx-ntuple-filter", ""},
    FeatureWord{"rxhash", "rx-hashing", ""},
};

Failure no_value(const std::string& word, const std::string& value, const std::string& remedy) {
  return failure(ErrorKind::usage, fmt::format("'{}' is no value for {}", printable(value), word), remedy);
}

Result<bool> parse_switch(const std::string& word, const std::string& value) {
  if (value != "on" && value != "off")
    return no_value(word, value, "write " + word + " on, or " + word + " off");
  return value == "on";
}

Result<void> take_advertise(const std::string& value, WantedModes& modes) {
  if (value == "all") {
    modes.advertise_all = true;
    return {};
  }
  for (const std::string_view name : split(value, ',')) {
    const auto mode = kernel::link_mode_from_name(name);
    if (!mode || !kernel::link_mode_speed(*mode))
      return failure(ErrorKind::usage, fmt::format("'{}' is no link mode", printable(name)),
                     "write all, or modes with commas between them: advertise 100baseT/Full,1000baseT/Full; "
                     "isotach link NAME shows which are supported");
    modes.advertise.set(*mode);
  }
  return {};
}

Result<void> take_setting(const std::string& word, const std::string& value, WantedChange& change) {
  const auto field = kernel::find_settable_field(word);
  const bool is_switch =
      is_feature_word(word) || (field && kernel::ethtool_group(field->group).fields[field->field].is_switch);
  if (is_switch) {
    if (auto on = parse_switch(word, value); !on) return tl::make_unexpected(std::move(on.error()));
  } else {
    const auto number = parse_unsigned(value);
    if (!number || *number > kLargestNumber) return no_value(word, value, "write a whole number");
    if (word == "mtu" && *number < kSmallestMtu)
      return no_value(word, value, "IPv4 needs at least 68, IPv6 1280");
  }
  for (const WantedSetting& earlier : change.settings)
    if (earlier.word == word) return failure(ErrorKind::usage, word + " is given twice");
  change.settings.push_back({word, value});
  return {};
}

std::vector<std::string> known_words() {
  std::vector<std::string> words = {"speed", "duplex", "autoneg", "advertise", "mtu"};
  for (std::size_t group = 0; group < kernel::kEthtoolGroupCount; ++group)
    for (const kernel::EthtoolField& field :
         kernel::ethtool_group(static_cast<kernel::EthtoolGroup>(group)).fields)
      if (!field.word.empty()) words.emplace_back(field.word);
  for (const FeatureWord& feature : kFeatureWords) words.emplace_back(feature.word);
  return words;
}

bool is_known(const std::string& word) {
  // The kernel's own names of features begin so; whether the interface has it is seen there.
  if (word.starts_with("rx-") || word.starts_with("tx-") || word.starts_with("hw-") || word == "loopback")
    return true;
  const auto words = known_words();
  return std::find(words.begin(), words.end(), word) != words.end();
}

Result<void> take_word(const std::string& word, const std::string& value, WantedChange& change) {
  WantedModes& modes = change.modes;
  if (word == "speed") {
    auto speed = parse_link_speed(value);
    if (!speed) return tl::make_unexpected(std::move(speed.error()));
    modes.speed_mbit_s = *speed;
    return {};
  }
  if (word == "duplex") {
    if (value != "half" && value != "full") return no_value(word, value, "write duplex full, or duplex half");
    modes.duplex = value == "half" ? Duplex::half : Duplex::full;
    return {};
  }
  if (word == "autoneg") {
    auto on = parse_switch(word, value);
    if (!on) return tl::make_unexpected(std::move(on.error()));
    modes.autonegotiation = *on;
    return {};
  }
  if (word == "advertise") return take_advertise(value, modes);
  return take_setting(word, value, change);
}

std::string supported_text(const LinkModes& now) {
  std::string text;
  for (const std::string& name : kernel::link_mode_names(kernel::speed_modes(now.supported))) {
    text += text.empty() ? "it supports " : ", ";
    text += name;
  }
  return text;
}

Result<ModesPlan> plan_negotiated(const std::string& name, const WantedModes& wanted, const LinkModes& now) {
  const LinkModeSet abilities = now.advertised & ~kernel::speed_modes(now.advertised);
  LinkModeSet chosen = wanted.advertise;
  if ((chosen & ~now.supported).any() && now.supported.any())
    return failure(
        ErrorKind::failed,
        fmt::format("{} does not support {}", name, kernel::link_mode_names(chosen & ~now.supported).front()),
        supported_text(now));
  // A speed without modes named means all modes of that speed, as with ethtool.
  if (chosen.none())
    chosen = wanted.advertise_all ? kernel::speed_modes(now.supported)
                                  : kernel::modes_of(now.supported, wanted.speed_mbit_s,
                                                     wanted.duplex.value_or(Duplex::unknown));
  if (chosen.none() && now.supported.any())
    return failure(ErrorKind::failed, name + " supports no such mode", supported_text(now));
  ModesPlan plan;
  plan.modes = {true, wanted.speed_mbit_s, wanted.duplex.value_or(Duplex::unknown), now.supported, {}, {}};
  plan.modes.advertised = abilities | chosen;
  if (now.supported[kernel::kModeAutonegotiation]) plan.modes.advertised.set(kernel::kModeAutonegotiation);
  if (!wanted.autonegotiation && (wanted.speed_mbit_s || wanted.duplex))
    plan.advice.push_back("autonegotiation stays on; only these modes are advertised: " +
                          fmt::format("{}", fmt::join(kernel::link_mode_names(chosen), ", ")));
  return plan;
}

Result<ModesPlan> plan_forced(const std::string& name, const WantedModes& wanted, const LinkModes& now,
                              bool twisted_pair) {
  if (wanted.advertise_all || wanted.advertise.any())
    return failure(ErrorKind::usage, "without autonegotiation nothing is advertised",
                   "leave out advertise, or autoneg off");
  ModesPlan plan;
  plan.modes = {false,
                wanted.speed_mbit_s ? wanted.speed_mbit_s : now.speed_mbit_s,
                wanted.duplex.value_or(now.duplex),
                now.supported,
                now.advertised,
                {}};
  if (!plan.modes.speed_mbit_s || plan.modes.duplex == Duplex::unknown)
    return failure(ErrorKind::usage, "without autonegotiation speed and duplex must be given",
                   fmt::format("isotach link set {} speed 100 duplex full autoneg off", name));
  const LinkModeSet chosen = kernel::modes_of(now.supported, plan.modes.speed_mbit_s, plan.modes.duplex);
  if (chosen.none() && kernel::speed_modes(now.supported).any())
    return failure(ErrorKind::failed,
                   fmt::format("{} does not support {}", name,
                               kernel::speed_text({*plan.modes.speed_mbit_s, plan.modes.duplex})),
                   supported_text(now));
  bool negotiates = false;
  std::string offer;
  for (std::size_t mode = 0; mode < kernel::kLinkModeLimit; ++mode)
    if (chosen[mode] && kernel::needs_autonegotiation(mode)) {
      negotiates = true;
      if (!offer.empty()) offer += ',';
      offer += kernel::link_mode_name(mode);
    }
  if (chosen.none() && twisted_pair && *plan.modes.speed_mbit_s == 1000 && now.supported.any())
    offer = "1000baseT/Full";
  if (negotiates || !offer.empty())
    plan.advice.push_back(fmt::format(
        "{} over copper needs autonegotiation: most drivers refuse to force it, and a link that was "
        "forced may not come up; restrict what is advertised instead: isotach link set {} advertise {}",
        kernel::speed_text({*plan.modes.speed_mbit_s, Duplex::unknown}), name, offer));
  return plan;
}

}  // namespace

Result<std::uint32_t> parse_link_speed(const std::string& text) {
  std::string_view digits = text;
  double scale = 1;
  if (!digits.empty() && (digits.back() == 'G' || digits.back() == 'g')) scale = 1000;
  if (scale > 1 || digits.ends_with('M') || digits.ends_with('m')) digits.remove_suffix(1);
  const auto number = parse_real(digits);
  const double mbit_s = number.value_or(0) * scale;
  if (mbit_s < 1 || mbit_s > kLargestMbitS ||
      mbit_s != static_cast<double>(static_cast<std::uint32_t>(mbit_s)))
    return no_value("a speed", text, "write Mbit/s, or a unit: speed 100, speed 1G");
  return static_cast<std::uint32_t>(mbit_s);
}

bool is_feature_word(const std::string& word) {
  if (kernel::find_settable_field(word)) return false;
  for (const FeatureWord& feature : kFeatureWords)
    if (feature.word == word) return true;
  return word != "mtu";
}

Result<WantedChange> parse_change_words(const std::vector<std::string>& words) {
  if (words.empty())
    return failure(ErrorKind::usage, "what is to be set is missing",
                   "such as: speed 100 duplex full autoneg off, mtu 9000, rx-ring 1024, tso off");
  WantedChange change;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (!is_known(words[i])) {
      const auto nearest = words[i].size() < 40 ? nearest_word(words[i], known_words()) : std::nullopt;
      return failure(ErrorKind::usage, fmt::format("'{}' is nothing that can be set", printable(words[i])),
                     nearest ? "did you mean: " + *nearest + "?" : "isotach link set --help lists the words");
    }
    if (i + 1 == words.size()) return failure(ErrorKind::usage, words[i] + " needs a value");
    if (auto taken = take_word(words[i], words[i + 1], change); !taken)
      return tl::make_unexpected(std::move(taken.error()));
  }
  return change;
}

Result<ModesPlan> plan_modes(const std::string& name, const WantedModes& wanted, const LinkModes& now,
                             bool twisted_pair) {
  // To advertise something means to negotiate.
  const bool advertises = wanted.advertise_all || wanted.advertise.any();
  const bool negotiates = wanted.autonegotiation.value_or(advertises || now.autonegotiation.value_or(false));
  return negotiates ? plan_negotiated(name, wanted, now) : plan_forced(name, wanted, now, twisted_pair);
}

std::vector<std::string> features_of_word(const std::string& word,
                                          const std::vector<kernel::Feature>& features) {
  std::vector<std::string> names;
  for (const kernel::Feature& feature : features) {
    if (feature.name == word) return {word};
    for (const FeatureWord& known : kFeatureWords) {
      if (known.word != word || feature.fixed) continue;
      const bool exact = known.end.empty() && !known.begin.ends_with('-');
      const bool fits = exact ? feature.name == known.begin
                              : feature.name.starts_with(known.begin) && feature.name.ends_with(known.end);
      if (fits) names.push_back(feature.name);
    }
  }
  return names;
}

}  // namespace isotach::network
