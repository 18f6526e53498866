// Which connection a packet belongs to: the two endpoints.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "network/packet/bytes.h"
#include "network/packet/packet.h"

namespace isotach::network {

// In the direction of the packet it was made from. Forty bytes without gaps, compared as such.
struct FlowKey {
  using Words = std::array<std::uint64_t, 5>;

  std::uint8_t source[16] = {};
  std::uint8_t destination[16] = {};
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t ip_version = 0;

  // Of a packet with ports; at least four bytes of it are captured. Put together in whole words, for what is
  // written in small pieces and read in large ones waits for the cache.
  [[nodiscard]] static FlowKey of(const Packet& packet) {
    Words word{};
    if (packet.ip_version == 4) {
      word[0] = little32(packet.source);
      word[2] = little32(packet.destination);
    } else {
      std::memcpy(&word[0], packet.source, 16);
      std::memcpy(&word[2], packet.destination, 16);
    }
    word[4] = big16(packet.transport) | std::uint64_t{big16(packet.transport + 2)} << 16 |
              std::uint64_t{packet.ip_version} << 32;
    return std::bit_cast<FlowKey>(word);
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
    const Words mine = words();
    const Words theirs = other.words();
    // The ports change places, the version does not.
    const std::uint64_t ports =
        (theirs[4] & ~std::uint64_t{0xffff'ffff}) | std::rotl(static_cast<std::uint32_t>(theirs[4]), 16);
    // All at once: one branch, which is foreseen, in the place of five.
    return ((mine[0] ^ theirs[2]) | (mine[1] ^ theirs[3]) | (mine[2] ^ theirs[0]) | (mine[3] ^ theirs[1]) |
            (mine[4] ^ ports)) == 0;
  }
  [[nodiscard]] IpAddress source_address() const {
    return IpAddress::from(source, static_cast<std::uint8_t>(ip_version));
  }
  [[nodiscard]] IpAddress destination_address() const {
    return IpAddress::from(destination, static_cast<std::uint8_t>(ip_version));
  }
  // The same for both directions. `seed` keeps who sends the packets from choosing collisions.
  [[nodiscard]] std::uint64_t hash(std::uint64_t seed) const;
  [[nodiscard]] std::uint32_t short_hash(std::uint64_t seed) const {
    return static_cast<std::uint32_t>(hash(seed) >> 16);
  }

  friend bool operator==(const FlowKey& a, const FlowKey& b) {
    const Words one = a.words();
    const Words two = b.words();
    return ((one[0] ^ two[0]) | (one[1] ^ two[1]) | (one[2] ^ two[2]) | (one[3] ^ two[3]) |
            (one[4] ^ two[4])) == 0;
  }

 private:
  [[nodiscard]] Words words() const { return std::bit_cast<Words>(*this); }
};
static_assert(sizeof(FlowKey) == 40);

namespace detail {

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace detail

// Both factors have a secret part, for a factor that can be made 0 makes all products equal.
inline std::uint64_t FlowKey::hash(std::uint64_t seed) const {
  const Words word = words();
  const std::uint64_t other_seed = std::rotl(seed, 29) ^ 0x9e37'79b9'7f4a'7c15;
  const std::uint64_t port_a = std::uint64_t{source_port} << 40;
  const std::uint64_t port_b = std::uint64_t{destination_port} << 40;
  if (ip_version == 4) {
    const std::uint64_t a = word[0] + port_a;
    const std::uint64_t b = word[2] + port_b;
    return detail::mix((a + b) ^ seed, (a ^ b) ^ other_seed);
  }
  const std::uint64_t a = detail::mix((word[0] + port_a) ^ seed, word[1] ^ other_seed);
  const std::uint64_t b = detail::mix((word[2] + port_b) ^ seed, word[3] ^ other_seed);
  return detail::mix((a + b) ^ seed, (a ^ b) ^ other_seed);
}

}  // namespace isotach::network
