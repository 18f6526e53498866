#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <map>

#include "network/connections/condition_node.h"
#include "network/connections/limit_observer.h"

namespace isotach::network {
namespace {

struct SpecialName {
  const char* name;
  SpecialField special;
  const char* unit;
  const char* label;
  bool is_text;
  bool has_sides;
};

constexpr SpecialName kSpecial[] = {
    {"conn", SpecialField::number, "", "number of the connection", false, false},
    {"duration", SpecialField::duration, "s", "from the first packet to the last", false, false},
    {"packets", SpecialField::packets, "", "packets of both directions", false, false},
    {"bytes", SpecialField::bytes, "bytes", "data of both directions, each byte once", false, false},
    {"retransmits", SpecialField::retransmits, "", "retransmissions of both directions", false, false},
    {"handshake", SpecialField::handshake, "ms", "from the SYN to the third segment", false, false},
    {"rtt", SpecialField::rtt, "ms", "mean round-trip time", false, true},
    {"port", SpecialField::port, "", "port of either end", false, true},
    {"host", SpecialField::host, "", "address of either end", true, true},
    {"name", SpecialField::name, "", "of the host, as TLS or HTTP says it", true, false},
    {"state", SpecialField::state, "", "complete, reset or incomplete", true, false},
    {"limit", SpecialField::limit, "", "what limited it, as --why names it", true, true},
};

struct Alias {
  const char* name;
  const char* means;
};
constexpr Alias kAliases[] = {{"elapsed", "duration"},      {"rexmt", "retransmits"}, {"why", "limit"},
                              {"throughput", "throughput"}, {"data", "bytes"},        {"address", "host"}};

// "post-loss_acks" as "post_loss_acks", "RTT_min_(last)" as "rtt_min_last".
std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!plain.empty() && plain.back() != '_') {
      plain += '_';
    }
  }
  while (!plain.empty() && plain.back() == '_') plain.pop_back();
  return plain;
}

using Names = std::map<std::string, NamedField, std::less<>>;

const Names& names() {
  static const Names kNames = [] {
    Names all;
    for (const DirectionField& field : direction_fields()) {
      // "SYN_FIN_pkts_sent" and what was asked for are text.
      const Connection none;
      const bool is_text = std::holds_alternative<std::string>(field.value(none, none.a()));
      all[plain_name(field.name)] = {SpecialField::none, &field, is_text, true};
    }
    for (const SpecialName& one : kSpecial)
      all[one.name] = {one.special, nullptr, one.is_text, one.has_sides};
    for (const Alias& alias : kAliases)
      if (const auto found = all.find(std::string_view(alias.means)); found != all.end())
        all.emplace(alias.name, found->second);
    return all;
  }();
  return kNames;
}

FieldValue special_value(const ConditionNode& node, const ConditionSubject& subject, int side,
                         bool in_seconds) {
  const Connection& one = subject.connection;
  const Direction& me = one.directions[static_cast<std::size_t>(side)];
  const double per_second = in_seconds ? 1e9 : 1e6;
  switch (node.special) {
    case SpecialField::number:
      return static_cast<double>(subject.index + 1);
    case SpecialField::duration:
      return static_cast<double>(one.elapsed_ns()) / 1e9;
    case SpecialField::packets:
      return one.packets();
    case SpecialField::bytes:
      return one.a().unique_bytes + one.b().unique_bytes;
    case SpecialField::retransmits:
      return (one.a().trouble ? one.a().trouble->retransmitted_packets : 0) +
             (one.b().trouble ? one.b().trouble->retransmitted_packets : 0);
    case SpecialField::handshake:
      if (one.handshake_ns < 0) return {};
      return static_cast<double>(one.handshake_ns) / per_second;
    case SpecialField::rtt:
      if (me.rtt.count == 0) return {};
      return me.rtt.mean() / per_second;
    case SpecialField::port:
      return std::uint64_t{side == 0 ? one.key.source_port : one.key.destination_port};
    case SpecialField::host:
      return (side == 0 ? one.key.source_address() : one.key.destination_address()).text();
    case SpecialField::name:
      if (subject.name.empty()) return {};
      return std::string(subject.name);
    case SpecialField::state:
      return std::string(connection_state_name(one.state()));
    case SpecialField::limit: {
      const LimitShares* shares = side == 0 ? subject.limits_a : subject.limits_b;
      if (shares == nullptr || !shares->is_known()) return {};
      return std::string(limit_key(shares->verdict()));
    }
    case SpecialField::none:
      break;
  }
  return {};
}

}  // namespace

std::optional<NamedField> find_condition_name(std::string_view name) {
  const auto found = names().find(plain_name(name));
  if (found == names().end()) return std::nullopt;
  return found->second;
}

const std::vector<std::string>& condition_values(SpecialField special) {
  static const std::vector<std::string> kStates = {connection_state_name(ConnectionState::complete),
                                                   connection_state_name(ConnectionState::reset),
                                                   connection_state_name(ConnectionState::incomplete)};
  static const std::vector<std::string> kLimitKeys = [] {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < kLimits; ++i) keys.emplace_back(limit_key(static_cast<Limit>(i)));
    return keys;
  }();
  static const std::vector<std::string> kAny;
  return special == SpecialField::state ? kStates : special == SpecialField::limit ? kLimitKeys : kAny;
}

FieldValue condition_value(const ConditionNode& node, const ConditionSubject& subject, int side,
                           bool in_seconds) {
  if (node.field == nullptr) return special_value(node, subject, side, in_seconds);
  FieldValue value =
      node.field->value(subject.connection, subject.connection.directions[static_cast<std::size_t>(side)]);
  if (in_seconds && std::string_view(node.field->unit) == "ms") {
    if (const auto* milliseconds = std::get_if<double>(&value)) return *milliseconds / 1e3;
  }
  return value;
}

const std::vector<ConditionName>& condition_names() {
  static const std::vector<ConditionName> kNames = [] {
    std::vector<ConditionName> all;
    for (const SpecialName& one : kSpecial) all.push_back({one.name, one.unit, one.label});
    for (const DirectionField& field : direction_fields())
      all.push_back({plain_name(field.name), field.unit, field.label});
    return all;
  }();
  return kNames;
}

}  // namespace isotach::network
