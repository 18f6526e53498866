// What the generic netlink family "ethtool" answers, taken apart
// (kernel: Documentation/networking/ethtool-netlink.rst). Pure, and made for any bytes.
//
// All but link modes and features are groups of numbers of the same form: a table says which attribute
// holds which. A number that a driver does not tell is missing, never 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "kernel/link_modes.h"

namespace isotach::kernel {

enum class EthtoolGroup : std::uint8_t {
  port,     // what the plug is: LINKINFO
  carrier,  // LINKSTATE
  rings,
  channels,
  coalesce,
  pause,
  eee,  // energy-efficient Ethernet
  fec,  // forward error correction
};
inline constexpr std::size_t kEthtoolGroupCount = static_cast<std::size_t>(EthtoolGroup::fec) + 1;

struct EthtoolField {
  std::uint16_t attribute;
  std::uint8_t bytes;      // of the number in a request to set it
  std::string_view name;   // key in JSON: "rx_max"
  std::string_view label;  // for people
  std::string_view word;   // by which `isotach link set` sets it; empty when it cannot be set
  bool is_switch = false;  // on or off, not a number
};

struct EthtoolGroupInfo {
  std::string_view name;   // "rings": key in JSON
  std::string_view title;  // "ring sizes"
  std::uint8_t get_command;
  std::uint8_t set_command;  // 0: nothing of it is set
  std::span<const EthtoolField> fields;
};
[[nodiscard]] const EthtoolGroupInfo& ethtool_group(EthtoolGroup group);

struct FieldOfGroup {
  EthtoolGroup group;
  std::size_t field;
};
// The field that this word of `isotach link set` means.
[[nodiscard]] std::optional<FieldOfGroup> find_settable_field(std::string_view word);

// One value for each field of the group, in its order, and sets of modes where the group has them.
struct GroupReading {
  std::vector<Value> values;
  LinkModeSet ours;     // eee: advertised; fec: configured
  LinkModeSet partner;  // eee
};

struct LinkModes {
  std::optional<bool> autonegotiation;        // nothing: the driver does not tell
  std::optional<std::uint32_t> speed_mbit_s;  // nothing: unknown
  Duplex duplex = Duplex::unknown;
  LinkModeSet supported, advertised, partner;  // empty: not told

  friend bool operator==(const LinkModes&, const LinkModes&) = default;
};

struct Feature {
  std::string name;  // as the kernel calls it: "tx-tcp-segmentation"
  bool active = false;
  bool requested = false;
  bool fixed = false;  // cannot be changed

  friend bool operator==(const Feature&, const Feature&) = default;
};

struct NamedNumber {
  std::string name;
  std::uint64_t value = 0;

  friend bool operator==(const NamedNumber&, const NamedNumber&) = default;
};

// Of which interface an answer tells; 0 when it does not say. `payload` is what stands behind the header
// of netlink, here and below.
[[nodiscard]] unsigned parse_ethtool_index(std::string_view payload);
// Nothing for bytes that are no such answer.
[[nodiscard]] std::optional<LinkModes> parse_link_modes(std::string_view payload);
[[nodiscard]] std::optional<GroupReading> parse_ethtool_group(EthtoolGroup group, std::string_view payload);
// In the kernel's order; features that can neither be changed nor are on are left out as ethtool does not.
[[nodiscard]] std::vector<Feature> parse_features(std::string_view payload);
// Statistics that IEEE 802.3 and RFC 2819 name, of drivers that tell them so: "late_collisions", ...
[[nodiscard]] std::vector<NamedNumber> parse_standard_statistics(std::string_view payload);
// Bytes of a module's memory.
[[nodiscard]] std::string parse_module_bytes(std::string_view payload);
// The number of the family in the answer of the controller.
[[nodiscard]] std::optional<std::uint16_t> parse_family_number(std::string_view payload);

// A set of bits in either of the kernel's two forms; `mask` is all bits it speaks of.
struct Bitset {
  LinkModeSet value;
  LinkModeSet mask;
  std::vector<NamedNumber> names;  // of the long form: name and bit
};
[[nodiscard]] Bitset parse_bitset(std::string_view nested);

}  // namespace isotach::kernel
