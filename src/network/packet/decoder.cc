#include "network/packet/decoder.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "network/packet/bytes.h"
#include "network/packet/link_layer.h"
#include "network/packet/usual_packet.h"

namespace isotach::network {
namespace {

constexpr int kMostExtensions = 24;

constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kIpInIp = 4;
constexpr std::uint8_t kIpv6InIp = 41;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragment = 44;
constexpr std::uint8_t kGre = 47;
constexpr std::uint8_t kAuthentication = 51;
constexpr std::uint8_t kDestinationOptions = 60;
constexpr std::uint8_t kEtherIp = 97;

constexpr std::uint16_t kVxlanPort = 4789;
constexpr std::uint16_t kOldVxlanPort = 8472;  // what Linux took before IANA had decided
constexpr std::uint16_t kVxlanGpePort = 4790;
constexpr std::uint16_t kGenevePort = 6081;
constexpr std::uint16_t kGtpPort = 2152;
constexpr std::uint16_t kTeredoPort = 3544;

// Option 0xc2 of a hop-by-hop head: the length of a packet of 64 KiB and more (RFC 2675).
std::uint32_t jumbo_length(const std::uint8_t* head, std::uint32_t size) {
  for (std::uint32_t at = 2; at + 2 <= size;) {
    if (head[at] == 0) {
      ++at;
      continue;
    }
    if (head[at] == 0xc2 && head[at + 1] == 4 && at + 6 <= size) return big32(head + at + 2);
    at += 2 + std::uint32_t{head[at + 1]};
  }
  return 0;
}

}  // namespace

bool Decoder::malformed() {
  ++counts_.malformed;
  return false;
}

const Packet* Decoder::decode(const Frame& frame) {
  ++counts_.frames;
  counts_.bytes += frame.wire_length;
  carrier_count_ = 0;
  if (UsualPacket usual; read_usual(frame, usual)) {
    packet_ = usual.packet();
    return &packet_;
  }
  const auto start = find_network(frame.link_type, frame.data, frame.captured);
  if (!start) {
    if (link_type_name(frame.link_type) == nullptr) {
      ++counts_.unknown_link;
    } else {
      ++counts_.not_ip;
    }
    return nullptr;
  }
  if ((start->ether_type != kEtherIpv4 && start->ether_type != kEtherIpv6) ||
      start->offset >= frame.captured) {
    ++counts_.not_ip;
    return nullptr;
  }
  packet_.tunnels = 0;
  const Rest rest{frame.data + start->offset, frame.captured - start->offset,
                  std::min(frame.wire_length - start->offset, start->limit), 0};
  return take_network(start->ether_type, rest) ? &packet_ : nullptr;
}

// The version in the head counts: some capture IPv6 under the EtherType of IPv4.
bool Decoder::take_network(std::uint16_t, Rest rest) {
  if (rest.captured == 0 || ++rest.depth > kMostIpHeads) return malformed();
  switch (rest.data[0] >> 4) {
    case 4:
      return take_ipv4(rest);
    case 6:
      return take_ipv6(rest);
    default:
      return malformed();
  }
}

bool Decoder::take_ipv4(Rest rest) {
  if (rest.captured < 20) return malformed();
  const std::uint8_t* head = rest.data;
  const std::uint32_t head_length = std::uint32_t{head[0] & 0x0fu} * 4;
  std::uint32_t length = big16(head + 2);
  // Segmentation offload and BIG TCP leave it out; then the frame says it.
  if (!options_.as_tcptrace && (length == 0 || length > rest.length)) length = rest.length;
  if (head_length < 20 || rest.captured < head_length || length < head_length) return malformed();
  packet_.source = head + 12;
  packet_.destination = head + 16;
  if (head_length > 20 && !options_.as_tcptrace) follow_source_route(head, head_length);
  packet_.ip_id = big16(head + 4);
  packet_.ip_version = 4;
  packet_.hop_limit = head[8];
  packet_.traffic_class = head[1];
  packet_.was_reassembled = false;
  packet_.extension_length = 0;
  packet_.ip_captured = rest.captured;
  const std::uint16_t fragment = big16(head + 6);
  const Rest payload{head + head_length, std::min(rest.captured, length) - head_length, length - head_length,
                     rest.depth};
  const std::uint32_t offset = std::uint32_t{fragment & 0x1fffu} * 8;
  const bool more = (fragment & 0x2000) != 0;
  packet_.protocol = head[9];
  if (offset == 0 && !more) return take_transport(head[9], payload);
  return take_fragment(packet_.ip_id, offset, more, payload);
}

// A packet with a source route is on its way to the last address of the route (RFC 791).
void Decoder::follow_source_route(const std::uint8_t* head, std::uint32_t head_length) {
  constexpr std::uint8_t kLooseRoute = 131;
  constexpr std::uint8_t kStrictRoute = 137;
  for (std::uint32_t at = 20; at + 1 < head_length && head[at] != 0;) {
    if (head[at] == 1) {
      ++at;
      continue;
    }
    const std::uint32_t size = head[at + 1];
    if (size < 2 || size > head_length - at) return;
    if ((head[at] == kLooseRoute || head[at] == kStrictRoute) && size >= 7 && head[at + 2] < size)
      packet_.destination = head + at + size - 4;
    at += size;
  }
}

bool Decoder::take_ipv6(Rest rest) {
  if (rest.captured < 40) return malformed();
  const std::uint8_t* head = rest.data;
  std::uint32_t length = big16(head + 4);
  packet_.source = head + 8;
  packet_.destination = head + 24;
  packet_.ip_id = 0;
  packet_.ip_stated_length = static_cast<std::uint16_t>(length);
  packet_.ip_version = 6;
  packet_.hop_limit = head[7];
  packet_.traffic_class = static_cast<std::uint8_t>(big16(head) >> 4);
  packet_.was_reassembled = false;
  packet_.ip_captured = rest.captured;
  std::uint8_t next = head[6];
  const std::uint32_t captured = rest.captured - 40;
  const std::uint8_t* body = head + 40;
  if (length == 0 && next == kHopByHop && captured >= 8)
    length = jumbo_length(body, std::min<std::uint32_t>(captured, (std::uint32_t{body[1]} + 1) * 8));
  if (!options_.as_tcptrace && (length == 0 || length > rest.length - 40)) length = rest.length - 40;
  const std::uint32_t there = std::min(captured, length);
  std::uint32_t at = 0;
  for (int i = 0; i < kMostExtensions; ++i) {
    std::uint32_t size = 0;
    switch (next) {
      case kHopByHop:
      case kRouting:
      case kDestinationOptions:
        if (at + 8 > there) return malformed();
        size = (std::uint32_t{body[at + 1]} + 1) * 8;
        break;
      case kAuthentication:
        if (at + 8 > there) return malformed();
        size = (std::uint32_t{body[at + 1]} + 2) * 4;
        break;
      case kFragment: {
        if (at + 8 > there) return malformed();
        const std::uint16_t word = big16(body + at + 2);
        const std::uint32_t offset = word & 0xfff8u;
        const bool more = (word & 1) != 0;
        size = options_.as_tcptrace ? 16 : 8;
        if (offset == 0 && !more) break;  // an atomic fragment is a whole packet (RFC 6946)
        packet_.protocol = body[at];
        packet_.extension_length = at + 8;
        return take_fragment(big32(body + at + 4), offset, more,
                             {body + at + 8, there - at - 8, length - at - 8, rest.depth});
      }
      default:
        packet_.protocol = next;
        packet_.extension_length = at;
        return take_transport(next, {body + at, there - at, length - at, rest.depth});
    }
    if (size > there - at) return malformed();
    next = body[at];
    at += size;
  }
  return malformed();
}

bool Decoder::take_fragment(std::uint32_t id, std::uint32_t offset, bool more, Rest rest) {
  // Without its last bytes it can complete nothing; the first one still tells whose packet it was.
  if (!options_.reassemble || rest.captured < rest.length) {
    if (offset == 0) return take_transport(packet_.protocol, rest);
    ++counts_.fragments;
    return false;
  }
  FragmentKey key;
  const std::size_t address = packet_.ip_version == 4 ? 4 : 16;
  std::memcpy(key.addresses.data(), packet_.source, address);
  std::memcpy(key.addresses.data() + 16, packet_.destination, address);
  key.id = id;
  key.protocol = packet_.ip_version == 4 ? packet_.protocol : std::uint8_t{0};
  key.ip_version = packet_.ip_version;
  const auto whole = fragments_.add(key, offset, more, {rest.data, rest.captured});
  if (!whole) {
    ++counts_.fragments;
    return false;
  }
  packet_.was_reassembled = true;
  const auto size = static_cast<std::uint32_t>(whole->size());
  return take_transport(packet_.protocol, {whole->data(), size, size, rest.depth});
}

bool Decoder::take_transport(std::uint8_t protocol, Rest rest) {
  switch (protocol) {
    case kIpInIp:
    case kIpv6InIp:
      return take_inner(protocol == kIpInIp ? kEtherIpv4 : kEtherIpv6, rest, 0);
    case kGre:
      return take_gre(rest);
    case kEtherIp:
      return take_inner(kEtherBridged, rest, 2);
    case kAuthentication:
      if (packet_.ip_version == 4 && rest.captured >= 12) {
        const std::uint32_t size = (std::uint32_t{rest.data[1]} + 2) * 4;
        if (size > rest.captured || ++rest.depth > kMostIpHeads) return malformed();
        packet_.protocol = rest.data[0];
        return take_transport(rest.data[0],
                              {rest.data + size, rest.captured - size, rest.length - size, rest.depth});
      }
      break;
    case kProtocolUdp:
      if (take_udp_tunnel(rest)) return true;
      break;
    default:
      break;
  }
  packet_.transport = rest.data;
  packet_.transport_captured = rest.captured;
  packet_.transport_length = rest.length;
  return true;
}

// What stands `offset` bytes behind: IP, or an Ethernet frame. The packet around it is forgotten; should
// the inner one be damaged, the frame counts as malformed.
bool Decoder::take_inner(std::uint16_t ether_type, Rest rest, std::uint32_t offset) {
  if (offset >= rest.captured) return malformed();
  const auto start = follow_ether_type(ether_type, rest.data, offset, rest.captured);
  if (!start || start->offset >= rest.captured ||
      (start->ether_type != kEtherIpv4 && start->ether_type != kEtherIpv6)) {
    ++counts_.not_ip;
    return false;
  }
  if (packet_.tunnels == 0) ++counts_.tunneled;
  ++packet_.tunnels;
  return take_network(start->ether_type, {rest.data + start->offset, rest.captured - start->offset,
                                          rest.length - start->offset, rest.depth});
}

bool Decoder::take_gre(Rest rest) {
  constexpr std::uint16_t kPpp = 0x880b;
  constexpr std::uint16_t kErspan = 0x88be;
  constexpr std::uint16_t kErspan3 = 0x22eb;
  if (rest.captured < 4) return malformed();
  const std::uint16_t flags = big16(rest.data);
  const std::uint16_t type = big16(rest.data + 2);
  std::uint32_t at = 4;
  if ((flags & 0xc000) != 0) at += 4;  // checksum and offset
  if ((flags & 0x2000) != 0) at += 4;  // key
  const bool has_sequence = (flags & 0x1000) != 0;
  if (has_sequence) at += 4;
  if ((flags & 7) == 1 && (flags & 0x0080) != 0) at += 4;  // acknowledgement of PPTP
  if (at >= rest.captured) return malformed();
  if (type == kPpp) {
    const std::uint32_t skip =
        rest.captured - at >= 2 && rest.data[at] == 0xff && rest.data[at + 1] == 3 ? 2 : 0;
    const auto start = follow_ppp(rest.data, at + skip, rest.captured);
    if (!start) {
      ++counts_.not_ip;
      return false;
    }
    return take_inner(start->ether_type, rest, start->offset);
  }
  if (type == kErspan) return take_inner(kEtherBridged, rest, at + (has_sequence ? 8 : 0));
  if (type == kErspan3) return take_inner(kEtherBridged, rest, at + 12);
  return take_inner(type, rest, at);
}

// True when the datagram is that of a tunnel and its packet was taken; otherwise it stays what it is.
bool Decoder::take_udp_tunnel(Rest rest) {
  constexpr std::uint32_t kUdpHead = 8;
  if (rest.captured < kUdpHead + 8) return false;
  const std::uint16_t from = big16(rest.data);
  const std::uint16_t to = big16(rest.data + 2);
  const std::uint8_t* body = rest.data + kUdpHead;
  const Packet outer = packet_;
  const DecoderCounts counts = counts_;
  bool taken = false;
  if (to == kVxlanPort || to == kOldVxlanPort) {
    if ((body[0] & 0x08) != 0) taken = take_inner(kEtherBridged, rest, kUdpHead + 8);
  } else if (to == kVxlanGpePort || from == kVxlanGpePort) {
    // The head names what follows (draft-ietf-nvo3-vxlan-gpe).
    constexpr std::uint8_t kValid = 0x08;
    constexpr std::uint16_t kFollows[] = {0, kEtherIpv4, kEtherIpv6, kEtherBridged};
    if ((body[0] & kValid) == kValid && body[3] > 0 && body[3] < std::size(kFollows))
      taken = take_inner(kFollows[body[3]], rest, kUdpHead + 8);
  } else if (to == kGenevePort || from == kGenevePort) {
    if (body[0] >> 6 == 0)
      taken = take_inner(big16(body + 2), rest, kUdpHead + 8 + std::uint32_t{body[0] & 0x3fu} * 4);
  } else if (to == kGtpPort || from == kGtpPort) {
    taken = take_gtp(rest);
  } else if (to == kTeredoPort || from == kTeredoPort) {
    if (body[0] >> 4 == 6) taken = take_inner(kEtherIpv6, rest, kUdpHead);
  }
  if (taken) {
    Packet& carrier = carriers_[carrier_count_++];
    carrier = outer;
    carrier.transport = rest.data;
    carrier.transport_captured = rest.captured;
    carrier.transport_length = rest.length;
    return true;
  }
  packet_ = outer;
  counts_ = counts;
  return false;
}

// User data of GTP version 1 (3GPP TS 29.281).
bool Decoder::take_gtp(Rest rest) {
  constexpr std::uint8_t kUserData = 0xff;
  std::uint32_t at = 8;
  const std::uint8_t* head = rest.data + at;
  if (head[0] >> 5 != 1 || (head[0] & 0x10) == 0 || head[1] != kUserData) return false;
  at += 8;
  if ((head[0] & 0x07) != 0) {
    if (rest.captured < at + 4) return false;
    std::uint8_t next = rest.data[at + 3];
    at += 4;
    for (int i = 0; next != 0 && i < kMostExtensions; ++i) {
      if (rest.captured < at + 4) return false;
      const std::uint32_t size = std::uint32_t{rest.data[at]} * 4;
      if (size == 0 || size > rest.captured - at) return false;
      next = rest.data[at + size - 1];
      at += size;
    }
  }
  if (at >= rest.captured) return false;
  return take_inner(rest.data[at] >> 4 == 6 ? kEtherIpv6 : kEtherIpv4, rest, at);
}

}  // namespace isotach::network
