#include "network/emulator/settings.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include "base/text.h"

namespace isotach::emulator {
namespace {

struct Suffix {
  std::string_view text;
  double factor;
};

Failure not_understood(std::string_view text, const char* example) {
  return failure(ErrorKind::usage, "'" + printable(text) + "' is not understood",
                 std::string("write it like ") + example);
}

Result<double> parse_with(std::string_view text, std::initializer_list<Suffix> suffixes,
                          const char* example) {
  for (const Suffix& suffix : suffixes) {
    if (!text.ends_with(suffix.text)) continue;
    const auto number = parse_real(text.substr(0, text.size() - suffix.text.size()));
    if (number && *number >= 0 && *number < 1e15) return *number * suffix.factor;
  }
  return not_understood(text, example);
}

Result<double> parse_bytes(std::string_view text) {
  return parse_with(text, {{"kb", 1e3}, {"mb", 1e6}, {"k", 1e3}, {"m", 1e6}, {"b", 1}, {"", 1}},
                    "64000 or 64k");
}

Result<bool> parse_switch(std::string_view text) {
  if (text == "on" || text == "yes" || text == "1") return true;
  if (text == "off" || text == "no" || text == "0") return false;
  return not_understood(text, "on or off");
}

template <class Target>
using Setter = std::function<Result<void>(Target&, std::string_view)>;

template <class Target>
struct Key {
  std::string_view name;
  Setter<Target> set;
};

template <class Value, class Parse, class Target, class Member>
Result<void> assign(Target& target, Member member, Parse parse, std::string_view text) {
  auto value = parse(text);
  if (!value) return tl::make_unexpected(std::move(value.error()));
  target.*member = static_cast<Value>(*value);
  return {};
}

Setter<WaySettings> number(double WaySettings::*member, Result<double> (*parse)(std::string_view)) {
  return [=](WaySettings& way, std::string_view text) { return assign<double>(way, member, parse, text); };
}

Setter<WaySettings> on_off(bool WaySettings::*member) {
  return
      [=](WaySettings& way, std::string_view text) { return assign<bool>(way, member, parse_switch, text); };
}

Setter<WaySettings> whole(int WaySettings::*member, std::uint64_t least, std::uint64_t most) {
  return [=](WaySettings& way, std::string_view text) -> Result<void> {
    const auto value = parse_unsigned(text);
    if (!value || *value < least || *value > most)
      return not_understood(
          text, ("a number from " + std::to_string(least) + " to " + std::to_string(most)).c_str());
    way.*member = static_cast<int>(*value);
    return {};
  };
}

template <class Choice>
struct Named {
  std::string_view name;
  Choice choice;
};

template <class Choice>
Result<Choice> choose(std::string_view text, std::initializer_list<Named<Choice>> choices) {
  std::string names;
  for (const Named<Choice>& each : choices) {
    if (each.name == text) return each.choice;
    names += (names.empty() ? "" : ", ") + std::string(each.name);
  }
  return failure(ErrorKind::usage, "'" + printable(text) + "' is not understood", "choose one of: " + names);
}

Result<void> set_queue(WaySettings& way, std::string_view text) {
  way.queue_bytes = way.queue_ns = 0;
  if (text.ends_with('p')) {
    const auto packets = parse_unsigned(text.substr(0, text.size() - 1));
    if (!packets || *packets > 1'000'000) return not_understood(text, "100p, 150000 or 50ms");
    way.queue_bytes = static_cast<double>(*packets) * 1500;
    return {};
  }
  if (text.ends_with('s')) return assign<double>(way, &WaySettings::queue_ns, parse_time, text);
  return assign<double>(way, &WaySettings::queue_bytes, parse_bytes, text);
}

// "p,r[,h[,k]]": see burst_enter.
Result<void> set_bursts(WaySettings& way, std::string_view text) {
  const auto parts = split(text, ',');
  if (parts.size() > 4 || (parts.size() == 1 && parts[0] != "0")) return not_understood(text, "1%,20%");
  std::array<double, 4> shares = {0, 0, 1, 0};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto share = parse_share(parts[i]);
    if (!share) return tl::make_unexpected(std::move(share.error()));
    shares[i] = *share;
  }
  way.burst_enter = shares[0];
  way.burst_leave = shares[1];
  way.burst_loss = shares[2];
  way.burst_between = shares[3];
  return {};
}

Result<void> set_cross(WaySettings& way, std::string_view text) {
  auto model = choose<CrossModel>(text, {{"off", CrossModel::off},
                                         {"cbr", CrossModel::cbr},
                                         {"poisson", CrossModel::poisson},
                                         {"pareto", CrossModel::pareto}});
  if (!model) return tl::make_unexpected(std::move(model.error()));
  way.cross.model = *model;
  return {};
}

Result<void> set_cross_rate(WaySettings& way, std::string_view text) {
  auto rate = parse_rate(text);
  if (!rate) return tl::make_unexpected(std::move(rate.error()));
  way.cross.rate_bps = *rate;
  if (*rate > 0 && way.cross.model == CrossModel::off) way.cross.model = CrossModel::poisson;
  return {};
}

Result<void> set_cross_size(WaySettings& way, std::string_view text) {
  const auto size = text == "mixed" ? std::optional<std::uint64_t>(0) : parse_unsigned(text);
  if (!size || *size > kMostMtuBytes || (*size == 0 && text != "mixed") || (*size != 0 && *size < 20))
    return not_understood(text, "1500 or mixed");
  way.cross.size_bytes = static_cast<int>(*size);
  return {};
}

Result<void> set_cross_burst(WaySettings& way, std::string_view text) {
  auto time = parse_time(text);
  if (!time) return tl::make_unexpected(std::move(time.error()));
  if (*time < 1e3) return not_understood(text, "50ms");
  way.cross.burst_ns = *time;
  return {};
}

Result<void> set_bleach(WaySettings& way, std::string_view text) {
  auto bleach = choose<Bleach>(
      text, {{"off", Bleach::nothing}, {"ecn", Bleach::ecn}, {"dscp", Bleach::dscp}, {"both", Bleach::both}});
  if (!bleach) return tl::make_unexpected(std::move(bleach.error()));
  way.bleach = *bleach;
  return {};
}

Result<void> set_chance(WaySettings& way, std::string_view text) {
  auto met_by = choose<MetBy>(
      text, {{"all", MetBy::all}, {"udp", MetBy::udp}, {"tcp", MetBy::tcp}, {"tcp-data", MetBy::tcp_data}});
  if (!met_by) return tl::make_unexpected(std::move(met_by.error()));
  way.chance = *met_by;
  return {};
}

Result<void> set_order(WaySettings& way, std::string_view text) {
  auto kept = choose<bool>(text, {{"kept", true}, {"free", false}});
  if (!kept) return tl::make_unexpected(std::move(kept.error()));
  way.keeps_order = *kept;
  return {};
}

Result<void> set_lose_every(WaySettings& way, std::string_view text) {
  const auto count = parse_unsigned(text);
  if (!count) return not_understood(text, "1000");
  way.lose_every = *count;
  return {};
}

const std::vector<Key<WaySettings>>& way_keys() {
  using Way = WaySettings;
  static const std::vector<Key<Way>> keys = {
      {"rate", number(&Way::rate_bps, parse_rate)},
      {"delay", number(&Way::delay_ns, parse_time)},
      {"jitter", number(&Way::jitter_ns, parse_time)},
      {"order", set_order},
      {"queue", set_queue},
      {"overhead", whole(&Way::overhead_bytes, 0, 1000)},
      {"mtu", whole(&Way::mtu_bytes, 68, kMostMtuBytes)},
      {"blackhole", on_off(&Way::black_hole)},
      {"loss", number(&Way::loss, parse_share)},
      {"lose-every", set_lose_every},
      {"bursts", set_bursts},
      {"reorder", number(&Way::reorder, parse_share)},
      {"reorder-by", number(&Way::reorder_ns, parse_time)},
      {"duplicate", number(&Way::duplicate, parse_share)},
      {"police", number(&Way::police_bps, parse_rate)},
      {"police-burst", number(&Way::police_bytes, parse_bytes)},
      {"mark", number(&Way::mark_ns, parse_time)},
      {"bleach", set_bleach},
      {"chance", set_chance},
      {"cross", set_cross},
      {"cross-rate", set_cross_rate},
      {"cross-size", set_cross_size},
      {"cross-burst", set_cross_burst},
  };
  return keys;
}

const std::vector<Key<LinkSettings>>& link_keys() {
  static const std::vector<Key<LinkSettings>> keys = {
      {"half-duplex",
       [](LinkSettings& link, std::string_view text) {
         return assign<bool>(link, &LinkSettings::half_duplex, parse_switch, text);
       }},
      {"duplex-mismatch", [](LinkSettings& link, std::string_view text) {
         return assign<bool>(link, &LinkSettings::duplex_mismatch, parse_switch, text);
       }}};
  return keys;
}

Failure unknown_key(std::string_view name) {
  std::vector<std::string> names;
  std::string all;
  for (const auto& key : way_keys()) names.emplace_back(key.name);
  for (const auto& key : link_keys()) names.emplace_back(key.name);
  for (const std::string& each : names) all += (all.empty() ? "" : ", ") + each;
  const auto nearest = nearest_word(name, names);
  return failure(ErrorKind::usage, "a link has no setting '" + printable(name) + "'",
                 nearest ? "did you mean: " + *nearest + "?" : "settings are: " + all);
}

Result<void> set_one(LinkSettings& link, const std::array<bool, 2>& ways, std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == word.npos)
    return failure(ErrorKind::usage, "'" + printable(word) + "' has no value",
                   "write NAME=VALUE, as in rate=100mbit");
  const std::string_view name = word.substr(0, equals);
  const std::string_view value = word.substr(equals + 1);
  const auto with_name = [&](Error error) {
    error.doing = std::string(name) + "=: " + error.doing;
    return tl::make_unexpected(std::move(error));
  };
  for (const auto& key : link_keys()) {
    if (key.name != name) continue;
    if (auto done = key.set(link, value); !done) return with_name(std::move(done.error()));
    return {};
  }
  for (const auto& key : way_keys()) {
    if (key.name != name) continue;
    for (std::size_t way = 0; way < ways.size(); ++way) {
      if (!ways[way]) continue;
      if (auto done = key.set(link.ways[way], value); !done) return with_name(std::move(done.error()));
    }
    return {};
  }
  return unknown_key(name);
}

}  // namespace

Result<double> parse_rate(std::string_view text) {
  return parse_with(
      text,
      {{"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {"bit", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"", 1}},
      "100mbit, 2.5gbit or 9600bit");
}

Result<double> parse_time(std::string_view text) {
  if (text == "0") return 0.0;
  return parse_with(text, {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}, "10ms, 250us or 1.5s");
}

Result<double> parse_share(std::string_view text) {
  auto share = parse_with(text, {{"%", 0.01}, {"", 1}}, "0.1% or 0.001");
  if (share && *share > 1) return not_understood(text, "0.1% or 0.001");
  return share;
}

Result<void> apply_words(PathSettings& settings, std::string_view text) {
  const auto words = split_blanks(text);
  if (words.size() < 3)
    return failure(ErrorKind::usage, "'" + printable(text) + "' names no link, direction and setting",
                   "write LINK ab|ba|both NAME=VALUE..., as in: 2 both rate=100mbit delay=10ms");
  const auto number = parse_unsigned(words[0]);
  if (words[0] != "all" && (!number || *number < 1 || *number > settings.size()))
    return failure(ErrorKind::usage, "there is no link '" + printable(words[0]) + "'",
                   "the links are 1 to " + std::to_string(settings.size()) + ", or all");
  const std::array<bool, 2> ways = {words[1] == "ab" || words[1] == "both",
                                    words[1] == "ba" || words[1] == "both"};
  if (!ways[0] && !ways[1])
    return failure(ErrorKind::usage, "'" + printable(words[1]) + "' is no direction",
                   "choose one of: ab, ba, both");
  PathSettings changed = settings;
  for (std::size_t link = 0; link < changed.size(); ++link) {
    if (number && *number != link + 1) continue;
    for (std::size_t i = 2; i < words.size(); ++i)
      if (auto done = set_one(changed[link], ways, words[i]); !done) return done;
  }
  settings = std::move(changed);
  return {};
}

}  // namespace isotach::emulator
