// Which connection a packet belongs to: the two endpoints.
#pragma once

#include <cstdint>
#include <cstring>

#include "network/packet/packet.h"

namespace isotach::network {

// In the direction of the packet it was made from. Forty bytes without gaps, compared as such.
struct FlowKey {
  std::uint8_t source[16] = {};
  std::uint8_t destination[16] = {};
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t ip_version = 0;

  [[nodiscard]] static FlowKey of(const Packet& packet, std::uint16_t source_port,
                                  std::uint16_t destination_port) {
    FlowKey key;
    const std::size_t size = packet.ip_version == 4 ? 4 : 16;
    std::memcpy(key.source, packet.source, size);
    std::memcpy(key.destination, packet.destination, size);
    key.source_port = source_port;
    key.destination_port = destination_port;
    key.ip_version = packet.ip_version;
    return key;
  }
  [[nodiscard]] FlowKey reversed() const {
    FlowKey key = *this;
    std::memcpy(key.source, destination, sizeof source);
    std::memcpy(key.destination, source, sizeof destination);
    key.source_port = destination_port;
    key.destination_port = source_port;
    return key;
  }
  [[nodiscard]] bool is_reverse_of(const FlowKey& other) const {
    return source_port == other.destination_port && destination_port == other.source_port &&
           ip_version == other.ip_version && std::memcmp(source, other.destination, sizeof source) == 0 &&
           std::memcmp(destination, other.source, sizeof destination) == 0;
  }
  [[nodiscard]] IpAddress source_address() const {
    return IpAddress::from(source, static_cast<std::uint8_t>(ip_version));
  }
  [[nodiscard]] IpAddress destination_address() const {
    return IpAddress::from(destination, static_cast<std::uint8_t>(ip_version));
  }
  // The same for both directions. `seed` keeps who sends the packets from choosing collisions.
  [[nodiscard]] std::uint64_t hash(std::uint64_t seed) const;

  friend bool operator==(const FlowKey& a, const FlowKey& b) { return std::memcmp(&a, &b, sizeof a) == 0; }
};
static_assert(sizeof(FlowKey) == 40);

namespace detail {

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t endpoint_hash(const std::uint8_t* address, std::uint16_t port, std::uint64_t seed) {
  std::uint64_t low;
  std::uint64_t high;
  std::memcpy(&low, address, sizeof low);
  std::memcpy(&high, address + 8, sizeof high);
  return mix(low ^ seed, (high + (std::uint64_t{port} << 32)) ^ 0x9e37'79b9'7f4a'7c15);
}

}  // namespace detail

inline std::uint64_t FlowKey::hash(std::uint64_t seed) const {
  const std::uint64_t a = detail::endpoint_hash(source, source_port, seed);
  const std::uint64_t b = detail::endpoint_hash(destination, destination_port, seed);
  return detail::mix((a + b) ^ seed, (a ^ b) | 1);
}

}  // namespace isotach::network
