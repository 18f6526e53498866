// One TCP connection, or the half of it that the capture holds.
#pragma once

#include <array>
#include <cstdint>

#include "network/connections/flow_key.h"
#include "network/connections/statistics.h"

namespace isotach::network {

enum class ConnectionState : std::uint8_t { complete, reset, incomplete };

struct Connection {
  FlowKey key;  // from a to b
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  // The handshake: when the last SYN, its answer and the acknowledgement of that were seen; 0: not seen.
  std::int64_t syn_ns = 0;
  std::int64_t syn_ack_ns = 0;
  std::int64_t handshake_ns = -1;       // from SYN to ACK: one round trip; -1: not known
  std::array<Direction, 2> directions;  // 0: from a to b
  std::uint64_t frame = 0;              // that it began with, counted over all of the capture
  std::uint32_t file = 0;               // which of the files it began in

  [[nodiscard]] const Direction& a() const { return directions[0]; }
  [[nodiscard]] const Direction& b() const { return directions[1]; }
  [[nodiscard]] std::uint64_t packets() const { return std::uint64_t{a().packets} + b().packets; }
  [[nodiscard]] std::int64_t elapsed_ns() const { return last_ns > first_ns ? last_ns - first_ns : 0; }
  [[nodiscard]] int sides_with_syn() const { return (a().syns > 0 ? 1 : 0) + (b().syns > 0 ? 1 : 0); }
  [[nodiscard]] int sides_with_fin() const { return (a().fins > 0 ? 1 : 0) + (b().fins > 0 ? 1 : 0); }
  [[nodiscard]] bool was_reset() const { return a().resets + b().resets != 0; }
  [[nodiscard]] bool is_closed() const { return was_reset() || sides_with_fin() == 2; }
  [[nodiscard]] ConnectionState state() const {
    if (was_reset()) return ConnectionState::reset;
    return sides_with_syn() == 2 && sides_with_fin() == 2 ? ConnectionState::complete
                                                          : ConnectionState::incomplete;
  }
};

}  // namespace isotach::network
