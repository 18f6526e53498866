// Which connection a packet belongs to: the two endpoints.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "network/packet/bytes.h"
#include "network/packet/packet.h"

namespace isotach::network {

namespace detail {

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace detail

// Of a flow, the same for both directions. `seed` keeps who sends the packets from choosing collisions.
class FlowHash {
 public:
  // Both factors have a secret part, for a factor that can be made 0 makes all products equal.
  explicit FlowHash(std::uint64_t seed)
      : seed_(seed), other_seed_(std::rotl(seed, 29) ^ 0x9e37'79b9'7f4a'7c15) {}

  // Addresses as they stand in a packet of IPv4; `ports` are both in one number, the source's in front.
  [[nodiscard]] std::uint64_t ipv4(std::uint32_t from, std::uint32_t to, std::uint32_t ports) const {
    return both(std::uint64_t{from} << 16 | ports >> 16, std::uint64_t{to} << 16 | (ports & 0xffff));
  }
  // One number for each end, the same whichever is which.
  [[nodiscard]] std::uint64_t both(std::uint64_t a, std::uint64_t b) const {
    return detail::mix((a + b) ^ seed_, (a ^ b) ^ other_seed_);
  }
  // An end that takes two numbers, as one.
  [[nodiscard]] std::uint64_t end(std::uint64_t a, std::uint64_t b) const {
    return detail::mix(a ^ seed_, b ^ other_seed_);
  }

 private:
  std::uint64_t seed_;
  std::uint64_t other_seed_;
};

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
  // A packet of IPv4 belongs to this flow: 0 in its direction, 1 against it; -1: it does not. Addresses as
  // they stand in the packet; `ports` are both in one number, the source's in front.
  [[nodiscard]] int side_of_ipv4(std::uint32_t from, std::uint32_t to, std::uint32_t ports) const {
    // The other twelve bytes of an address are 0 where the version is 4.
    std::uint32_t mine;
    std::uint32_t theirs;
    std::uint64_t rest;
    std::memcpy(&mine, source, sizeof mine);
    std::memcpy(&theirs, destination, sizeof theirs);
    std::memcpy(&rest, &source_port, sizeof rest);
    constexpr std::uint64_t kVersion = std::uint64_t{4} << 32;
    const bool along = ((mine ^ from) | (theirs ^ to) | (rest ^ (std::rotl(ports, 16) | kVersion))) == 0;
    const bool against = ((mine ^ to) | (theirs ^ from) | (rest ^ (ports | kVersion))) == 0;
    // One branch, which is foreseen: packets of both directions take turns.
    return (along | against) ? !along : -1;
  }

  [[nodiscard]] std::uint64_t hash(const FlowHash& hash) const {
    const Words word = words();
    if (ip_version == 4) {
      return hash.ipv4(static_cast<std::uint32_t>(word[0]), static_cast<std::uint32_t>(word[2]),
                       std::uint32_t{source_port} << 16 | destination_port);
    }
    const std::uint64_t port_a = std::uint64_t{source_port} << 40;
    const std::uint64_t port_b = std::uint64_t{destination_port} << 40;
    return hash.both(hash.end(word[0] + port_a, word[1]), hash.end(word[2] + port_b, word[3]));
  }
  [[nodiscard]] std::uint64_t hash(std::uint64_t seed) const { return hash(FlowHash(seed)); }
  [[nodiscard]] static std::uint32_t shortened(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 16);
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

}  // namespace isotach::network
