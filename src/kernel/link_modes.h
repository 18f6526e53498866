// Modes of Ethernet links: what an interface supports, advertises, or is offered by its partner. The
// numbers are those of enum ethtool_link_mode_bit_indices (kernel: include/uapi/linux/ethtool.h), the
// names those that ethtool prints. Pure.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isotach::kernel {

// More than any kernel has; what lies above is left out.
inline constexpr std::size_t kLinkModeLimit = 256;
using LinkModeSet = std::bitset<kLinkModeLimit>;

// Bits that are no modes of speed but abilities and ports.
inline constexpr std::size_t kModeAutonegotiation = 6;
inline constexpr std::size_t kModeTwistedPair = 7;

// As the driver stores it.
enum class Duplex : std::uint8_t { half = 0, full = 1, unknown = 255 };
[[nodiscard]] std::string_view duplex_name(Duplex duplex);  // "half"

struct LinkSpeed {
  std::uint32_t mbit_s = 0;
  Duplex duplex = Duplex::unknown;

  friend bool operator==(const LinkSpeed&, const LinkSpeed&) = default;
};

// "100baseT/Full"; "mode 130" for one that this version does not know.
[[nodiscard]] std::string link_mode_name(std::size_t mode);
// The reverse, letters of either case; nothing for a name that no mode has.
[[nodiscard]] std::optional<std::size_t> link_mode_from_name(std::string_view name);
// Nothing for bits that are no modes of speed, and for unknown ones.
[[nodiscard]] std::optional<LinkSpeed> link_mode_speed(std::size_t mode);
// 1000BASE-T and faster over twisted pair: they cannot work without autonegotiation
// (IEEE 802.3 clauses 40.5 and 55.6: master and slave are negotiated).
[[nodiscard]] bool needs_autonegotiation(std::size_t mode);

// Only the modes of speed.
[[nodiscard]] LinkModeSet speed_modes(const LinkModeSet& modes);
// The fastest, and full duplex rather than half; nothing where there is no mode of speed.
[[nodiscard]] std::optional<LinkSpeed> best_speed(const LinkModeSet& modes);
// All modes of that speed and, unless it is unknown, of that duplex.
[[nodiscard]] LinkModeSet modes_of(const LinkModeSet& modes, std::optional<std::uint32_t> mbit_s,
                                   Duplex duplex);
// Names in the order of speed as the kernel numbers them.
[[nodiscard]] std::vector<std::string> link_mode_names(const LinkModeSet& modes);

// "100 Mbit/s full duplex", "1 Gbit/s half duplex".
[[nodiscard]] std::string speed_text(const LinkSpeed& speed);

// A set as hexadecimal digits, and back; nothing for other text.
[[nodiscard]] std::string mode_set_hex(const LinkModeSet& modes);
[[nodiscard]] std::optional<LinkModeSet> mode_set_from_hex(std::string_view text);

}  // namespace isotach::kernel
