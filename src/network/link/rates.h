// What interfaces did between two readings. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "network/link/snapshot.h"

namespace isotach::network {

// Growth of one counter between the readings; nothing where it is not told or was reset.
[[nodiscard]] std::optional<std::uint64_t> grown(const Link& before, const Link& now,
                                                 kernel::LinkCounter counter);
// Of a statistic that IEEE 802.3 names ("late_collisions").
[[nodiscard]] std::optional<std::uint64_t> grown(const Link& before, const Link& now,
                                                 std::string_view statistic);

struct LinkRates {
  std::optional<double> rx_bits_s;
  std::optional<double> tx_bits_s;
  std::optional<double> rx_packets_s;
  std::optional<double> tx_packets_s;
  // 0..1: of its speed, of the busier direction; of both together on a half-duplex link.
  std::optional<double> share;
};
[[nodiscard]] LinkRates rates_between(const LinkSnapshot& before, const LinkSnapshot& now, const Link& link);

}  // namespace isotach::network
