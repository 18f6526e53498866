#include "network/connections/udp_flows.h"

#include <fmt/format.h>

#include <algorithm>

#include "network/packet/bytes.h"

namespace isotach::network {
namespace {

constexpr std::uint32_t kUdpHead = 8;
constexpr std::uint32_t kQuicV1 = 1;
constexpr std::uint32_t kQuicV2 = 0x6b33'43cf;
constexpr std::uint32_t kQuicDraft = 0xff00'0000;

bool is_quic_version(std::uint32_t version) {
  constexpr std::uint32_t kLastDraft = 34;
  return version == kQuicV1 || version == kQuicV2 ||
         (version > kQuicDraft && version <= kQuicDraft + kLastDraft);
}

}  // namespace

std::uint32_t quic_version_of(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint8_t kLongHead = 0xc0;  // with the fixed bit
  constexpr std::size_t kLongestId = 20;
  if (size < 7 || (data[0] & kLongHead) != kLongHead) return 0;
  const std::uint32_t version = big32(data + 1);
  return is_quic_version(version) && data[5] <= kLongestId ? version : 0;
}

std::string udp_protocol_name(const UdpFlow& flow) {
  if (flow.quic_version == kQuicV1) return "QUIC v1";
  if (flow.quic_version == kQuicV2) return "QUIC v2";
  if (flow.quic_version != 0) return fmt::format("QUIC draft-{}", flow.quic_version - kQuicDraft);
  struct Known {
    std::uint16_t port;
    const char* name;
  };
  static constexpr Known kKnown[] = {{53, "DNS"},     {67, "DHCP"},        {68, "DHCP"},    {69, "TFTP"},
                                     {123, "NTP"},    {137, "NetBIOS"},    {161, "SNMP"},   {500, "IKE"},
                                     {514, "syslog"}, {546, "DHCPv6"},     {547, "DHCPv6"}, {1900, "SSDP"},
                                     {3478, "STUN"},  {4500, "IPsec"},     {5060, "SIP"},   {5353, "mDNS"},
                                     {5355, "LLMNR"}, {51820, "WireGuard"}};
  for (const Known& known : kKnown)
    if (flow.key.source_port == known.port || flow.key.destination_port == known.port) return known.name;
  return "UDP";
}

void UdpFlows::add(const Packet& packet, std::uint32_t wire_length, std::int64_t time_ns) {
  if (packet.protocol != kProtocolUdp) return;
  ++packets_;
  if (packet.transport_captured < 4) {
    ++left_out_;
    return;
  }
  // A length of 0 is that of a jumbogram (RFC 2675), others below that of the head are no datagram's.
  if (packet.transport_captured >= kUdpHead) {
    const std::uint32_t stated = big16(packet.transport + 4);
    if (stated < kUdpHead && (stated != 0 || packet.ip_version == 4)) {
      ++left_out_;
      return;
    }
  }
  const FlowKey key = FlowKey::of(packet);
  std::size_t side = 0;
  auto found = flows_by_key_.find(key);
  if (found == flows_by_key_.end()) {
    found = flows_by_key_.find(key.reversed());
    side = found == flows_by_key_.end() ? 0 : 1;
  }
  if (found == flows_by_key_.end()) {
    if (flows_.size() >= kMostFlows) {
      ++left_out_;
      return;
    }
    found = flows_by_key_.emplace(key, static_cast<std::uint32_t>(flows_.size())).first;
    UdpFlow& flow = flows_.emplace_back();
    flow.key = key;
    flow.first_ns = time_ns;
  }
  UdpFlow& flow = flows_[found->second];
  UdpFlow::Side& me = flow.sides[side];
  const std::uint32_t data = packet.transport_length > kUdpHead ? packet.transport_length - kUdpHead : 0;
  if (me.packets > 0 && time_ns > me.last_ns)
    me.longest_gap_ns = std::max(me.longest_gap_ns, time_ns - me.last_ns);
  ++me.packets;
  me.bytes += data;
  me.wire_bytes += wire_length;
  me.largest = std::max(me.largest, data);
  me.last_ns = std::max(me.last_ns, time_ns);
  flow.last_ns = std::max(flow.last_ns, time_ns);
  if (flow.quic_version == 0 && packet.transport_captured > kUdpHead)
    flow.quic_version = quic_version_of(packet.transport + kUdpHead, packet.transport_captured - kUdpHead);
}

}  // namespace isotach::network
