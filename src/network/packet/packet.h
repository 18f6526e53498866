// What a frame turned out to carry: the innermost IP packet, as far as it was captured.
#pragma once

#include <cstdint>

#include "network/packet/ip_address.h"

namespace isotach::network {

inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolIcmpv6 = 58;

struct Packet {
  const std::uint8_t* source = nullptr;  // four or sixteen bytes, in network order
  const std::uint8_t* destination = nullptr;
  const std::uint8_t* transport = nullptr;  // the head of TCP, UDP, ...
  std::uint32_t transport_captured = 0;     // bytes at `transport`, padding of the link left out
  std::uint32_t transport_length = 0;       // bytes that the IP head says there are
  std::uint16_t ip_id = 0;                  // 0 for IPv6
  std::uint8_t ip_version = 0;
  std::uint8_t protocol = 0;
  std::uint8_t hop_limit = 0;
  std::uint8_t traffic_class = 0;  // DSCP and ECN
  std::uint8_t tunnels = 0;        // how many tunnels it was taken out of
  bool was_reassembled = false;
  std::uint16_t ip_stated_length = 0;  // of the payload, as the IPv6 head says, true or not
  std::uint32_t extension_length = 0;  // IPv6 heads between the first and `transport`
  std::uint32_t ip_captured = 0;       // bytes captured from the IP head on, padding included

  // Bytes of the IP packet with its heads. Of one that came in fragments: as if it had come whole.
  [[nodiscard]] std::uint32_t ip_length() const {
    constexpr std::uint32_t kIpv4Head = 20;
    constexpr std::uint32_t kIpv6Head = 40;
    constexpr std::uint32_t kIpv4Source = 12;  // where the source address stands in it
    if (ip_version == 6) return kIpv6Head + extension_length + transport_length;
    if (was_reassembled) return kIpv4Head + transport_length;
    return static_cast<std::uint32_t>(transport - source) + kIpv4Source + transport_length;
  }
};

}  // namespace isotach::network
