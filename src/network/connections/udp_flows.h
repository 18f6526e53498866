// Flows of UDP in a capture: what two endpoints have sent each other, and whether it is QUIC.
//
// A flow has no beginning and no end but the first and the last datagram. Memory is bounded: datagrams of
// flows past the limit are counted together. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "network/connections/flow_key.h"
#include "network/packet/packet.h"

namespace isotach::network {

struct UdpFlow {
  FlowKey key;  // from a, whose datagram came first, to b
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  struct Side {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;          // of data
    std::uint64_t wire_bytes = 0;     // of frames
    std::uint32_t largest = 0;        // data of a datagram
    std::int64_t longest_gap_ns = 0;  // between two of its datagrams
    std::int64_t last_ns = 0;
  };
  std::array<Side, 2> sides;
  std::uint32_t quic_version = 0;  // that a datagram of QUIC named; 0: none did

  [[nodiscard]] std::int64_t elapsed_ns() const { return last_ns > first_ns ? last_ns - first_ns : 0; }
  [[nodiscard]] std::uint64_t packets() const { return sides[0].packets + sides[1].packets; }
  [[nodiscard]] std::uint64_t bytes() const { return sides[0].bytes + sides[1].bytes; }
};

// "QUIC v1", "QUIC draft-29", "DNS", "NTP" and others by their ports; "UDP" where nothing tells.
[[nodiscard]] std::string udp_protocol_name(const UdpFlow& flow);

// The version that a datagram of QUIC with a long head names (RFC 8999); 0 for others.
[[nodiscard]] std::uint32_t quic_version_of(const std::uint8_t* data, std::size_t size);

class UdpFlows {
 public:
  static constexpr std::size_t kMostFlows = std::size_t{1} << 20;

  explicit UdpFlows(std::uint64_t seed = 0x5eed'1507'ac4b'0002) : flows_by_key_(64, Hash{seed}) {}

  // Others than UDP are left alone.
  void add(const Packet& packet, std::uint32_t wire_length, std::int64_t time_ns);

  // In the order in which they began.
  [[nodiscard]] const std::vector<UdpFlow>& all() const { return flows_; }
  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  // Datagrams of flows past the limit, and such whose head was not captured or is damaged.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

 private:
  struct Hash {
    std::uint64_t seed;
    std::size_t operator()(const FlowKey& key) const { return static_cast<std::size_t>(key.hash(seed)); }
  };

  std::vector<UdpFlow> flows_;
  std::unordered_map<FlowKey, std::uint32_t, Hash> flows_by_key_;
  std::uint64_t packets_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace isotach::network
