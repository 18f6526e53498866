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

// "Q050", "T051": as Google and its Chrome numbered theirs, before there was a standard.
bool is_google_version(std::uint32_t version) {
  const auto is_digit = [version](unsigned shift) {
    const std::uint32_t letter = version >> shift & 0xff;
    return letter >= '0' && letter <= '9';
  };
  const std::uint32_t first = version >> 24;
  return (first == 'Q' || first == 'T') && is_digit(16) && is_digit(8) && is_digit(0);
}

}  // namespace

std::uint32_t quic_version_of(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint8_t kLongHead = 0xc0;  // with the fixed bit
  constexpr std::size_t kLongestId = 20;
  // Up to Q043 flags: a version, behind eight bytes that name the connection.
  constexpr std::uint8_t kOldFlags = 0x09;
  constexpr std::size_t kOldVersion = 9;
  if (size < 7) return 0;
  if ((data[0] & kLongHead) == kLongHead) {
    const std::uint32_t version = big32(data + 1);
    // Q046 has both lengths in one byte.
    if (is_google_version(version)) return version;
    return is_quic_version(version) && data[5] <= kLongestId ? version : 0;
  }
  if ((data[0] & (kLongHead | kOldFlags)) == kOldFlags && size >= kOldVersion + sizeof(std::uint32_t)) {
    const std::uint32_t version = big32(data + kOldVersion);
    if (is_google_version(version)) return version;
  }
  return 0;
}

std::string udp_protocol_name(const UdpFlow& flow) {
  if (flow.quic_version == kQuicV1) return "QUIC v1";
  if (flow.quic_version == kQuicV2) return "QUIC v2";
  if (is_google_version(flow.quic_version)) {
    std::string name = "QUIC ";
    for (const unsigned shift : {24, 16, 8, 0}) name += static_cast<char>(flow.quic_version >> shift & 0xff);
    return name;
  }
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
