// From a frame to what it carries: skips the head of the link layer and everything between it and IP
// (VLAN tags, PPPoE, MPLS labels, LLC/SNAP, 802.11). Reads nothing beyond `captured` bytes.
#pragma once

#include <cstdint>
#include <optional>

namespace isotach::network {

inline constexpr std::uint16_t kEtherIpv4 = 0x0800;
inline constexpr std::uint16_t kEtherIpv6 = 0x86dd;
inline constexpr std::uint16_t kEtherBridged = 0x6558;  // an Ethernet frame, in GRE and Geneve

// Where the network layer starts, and its EtherType: one of the two above, or another protocol's.
struct NetworkStart {
  std::uint32_t offset = 0;
  std::uint16_t ether_type = 0;
  // Bytes from `offset` on that are not padding, where a head of the link says so.
  std::uint32_t limit = 0xffff'ffff;
};

// Nothing when the link type is not known, the frame too short, or what it carries is no network layer.
[[nodiscard]] std::optional<NetworkStart> find_network(std::uint32_t link_type, const std::uint8_t* data,
                                                       std::uint32_t captured);

// The same for what follows an EtherType at `offset`, such as in a tunnel.
[[nodiscard]] std::optional<NetworkStart> follow_ether_type(std::uint16_t ether_type,
                                                            const std::uint8_t* data, std::uint32_t offset,
                                                            std::uint32_t captured);

// The same for a PPP frame without address and control.
[[nodiscard]] std::optional<NetworkStart> follow_ppp(const std::uint8_t* data, std::uint32_t offset,
                                                     std::uint32_t captured);

// "Ethernet"; nullptr where `link_type` is not understood.
[[nodiscard]] const char* link_type_name(std::uint32_t link_type);

}  // namespace isotach::network
