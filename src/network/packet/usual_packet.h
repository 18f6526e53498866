// What nearly every frame is: Ethernet, IPv4 without options, TCP, whole. Found in a few steps, and so small
// that hundreds stay in the cache.
#pragma once

#include <algorithm>
#include <cstdint>

#include "network/packet/bytes.h"
#include "network/packet/frame.h"
#include "network/packet/link_layer.h"
#include "network/packet/packet.h"

namespace isotach::network {

struct UsualPacket {
  static constexpr std::uint32_t kIpHead = 20;

  const std::uint8_t* transport = nullptr;  // behind the head of IP
  std::uint32_t captured = 0;               // bytes at `transport`; at least 20
  std::uint32_t length = 0;                 // bytes that the IP head says there are

  [[nodiscard]] std::uint32_t source() const { return little32(transport - 8); }  // as it stands there
  [[nodiscard]] std::uint32_t destination() const { return little32(transport - 4); }
  [[nodiscard]] std::uint16_t ip_id() const { return big16(transport - 16); }

  [[nodiscard]] Packet packet() const {
    Packet packet;
    packet.source = transport - 8;
    packet.destination = transport - 4;
    packet.transport = transport;
    packet.transport_captured = captured;
    packet.transport_length = length;
    packet.ip_id = ip_id();
    packet.ip_version = 4;
    packet.protocol = kProtocolTcp;
    packet.hop_limit = transport[-12];
    packet.traffic_class = transport[-19];
    packet.ip_captured = captured + kIpHead;
    return packet;
  }
};

// False where the frame is anything else.
[[nodiscard]] inline bool read_usual(const Frame& frame, UsualPacket& packet) {
  constexpr std::uint32_t kEthernet = 14;
  constexpr std::uint32_t kTcpHead = 20;
  constexpr std::uint32_t kHeads = kEthernet + UsualPacket::kIpHead + kTcpHead;
  if (frame.link_type != kLinkEthernet || frame.captured < kHeads) return false;
  const std::uint8_t* head = frame.data + kEthernet;
  // What must be so in a few comparisons: the type of Ethernet with version and length of the head, and then
  // no fragment, but TCP. Numbers are as they stand there.
  constexpr std::uint32_t kTypeAndVersion = 0x45'0008;
  constexpr std::uint32_t kWholeTcp = std::uint32_t{kProtocolTcp} << 24;
  static_assert(kEtherIpv4 == 0x0800);
  if ((little32(frame.data + 12) & 0xff'ffff) != kTypeAndVersion) return false;
  if ((little32(head + 6) & 0xff00'ff3f) != kWholeTcp) return false;
  const std::uint32_t length = big16(head + 2);
  if (length < UsualPacket::kIpHead + kTcpHead || length > frame.wire_length - kEthernet) return false;
  packet.transport = head + UsualPacket::kIpHead;
  packet.captured = std::min(frame.captured - kEthernet, length) - UsualPacket::kIpHead;
  packet.length = length - UsualPacket::kIpHead;
  return true;
}

}  // namespace isotach::network
