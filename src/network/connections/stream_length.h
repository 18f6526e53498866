// How long the stream of one direction is, by its SYN and its FIN.
#pragma once

#include <cstdint>
#include <optional>

#include "network/connections/statistics.h"

namespace isotach::network {

// Bytes between SYN and FIN, or the last segment before a reset; nothing where one of both was not seen.
// The sequence number may have wrapped around.
[[nodiscard]] inline std::optional<std::uint64_t> stream_length(const Direction& direction) {
  if (direction.syns == 0 || direction.fins == 0) return std::nullopt;
  constexpr std::uint64_t kWrap = std::uint64_t{1} << 32;
  const std::uint64_t last = direction.resets > 0 ? direction.latest_end : direction.fin;
  const std::uint64_t turns = direction.wraps + (last > direction.syn ? 0u : 1u);
  return last + kWrap * turns - direction.syn - 1;
}

}  // namespace isotach::network
