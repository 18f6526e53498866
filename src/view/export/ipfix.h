// Flow records as IPFIX messages (RFC 7011), with information elements of IANA's registry alone: any
// collector understands them. One template for IPv4, one for IPv6; lengths, octets and packets are of the
// flow since its record before ("delta").
//
// Pure: bytes out. Messages are at most kIpfixMessageBytes long, so that they fit into one datagram of any
// path. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace isotach::view {

inline constexpr std::size_t kIpfixMessageBytes = 1400;

// One direction of a flow.
struct IpfixFlow {
  bool is_ipv6 = false;
  std::array<std::uint8_t, 16> source{}, destination{};  // the first four bytes for IPv4
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint8_t protocol = 0;
  std::uint8_t traffic_class = 0;
  std::uint8_t tcp_flags = 0;
  std::uint16_t vlan = 0;
  std::uint32_t interface = 0;  // ingress or egress, after `outgoing`
  bool outgoing = false;
  std::uint64_t bytes = 0;  // of the IP packets
  std::uint64_t packets = 0;
  std::int64_t first_wall_ns = 0, last_wall_ns = 0;
};

class IpfixEncoder {
 public:
  explicit IpfixEncoder(std::uint32_t observation_domain) : domain_(observation_domain) {}

  // The messages that carry these flows. The templates stand in the first, as often as collectors that were
  // started later need them over UDP: with each call.
  [[nodiscard]] std::vector<std::string> encode(const std::vector<IpfixFlow>& flows, std::int64_t wall_ns);

 private:
  std::uint32_t domain_;
  std::uint32_t sequence_ = 0;  // data records sent before
};

}  // namespace isotach::view
