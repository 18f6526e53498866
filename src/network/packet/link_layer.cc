#include "network/packet/link_layer.h"

#include "network/packet/bytes.h"
#include "network/packet/frame.h"

namespace isotach::network {
namespace {

using Start = std::optional<NetworkStart>;

constexpr std::uint16_t kEtherVlan = 0x8100;
constexpr std::uint16_t kEtherProviderVlan = 0x88a8;
constexpr std::uint16_t kEtherOldProviderVlan = 0x9100;
constexpr std::uint16_t kEtherOlderProviderVlan = 0x9200;
constexpr std::uint16_t kEtherPppoeSession = 0x8864;
constexpr std::uint16_t kEtherMpls = 0x8847;
constexpr std::uint16_t kEtherMplsUpstream = 0x8848;
constexpr std::uint16_t kPppIpv4 = 0x0021;
constexpr std::uint16_t kPppIpv6 = 0x0057;
constexpr std::uint16_t kPppMpls = 0x0281;
// Smaller numbers in the place of an EtherType are lengths of 802.3 frames.
constexpr std::uint16_t kSmallestEtherType = 0x0600;
constexpr std::uint32_t kEthernetHead = 14;
// Tags and labels one behind the other; more is no frame that a network would carry.
constexpr int kDeepest = 16;

bool holds(std::uint32_t captured, std::uint32_t offset, std::uint32_t size) {
  return offset <= captured && captured - offset >= size;
}

Start by_version(const std::uint8_t* data, std::uint32_t offset, std::uint32_t captured) {
  if (!holds(captured, offset, 1)) return std::nullopt;
  const int version = data[offset] >> 4;
  if (version == 4) return NetworkStart{.offset = offset, .ether_type = kEtherIpv4};
  if (version == 6) return NetworkStart{.offset = offset, .ether_type = kEtherIpv6};
  return std::nullopt;
}

// IEEE 802.2 with SNAP, and the plain SAP numbers of IP.
Start follow_llc(const std::uint8_t* data, std::uint32_t offset, std::uint32_t captured) {
  if (!holds(captured, offset, 3)) return std::nullopt;
  if (data[offset] == 0xaa && data[offset + 1] == 0xaa) {
    if (!holds(captured, offset, 8)) return std::nullopt;
    return follow_ether_type(big16(data + offset + 6), data, offset + 8, captured);
  }
  if (data[offset] == 0x06 && data[offset + 1] == 0x06)
    return NetworkStart{.offset = offset + 3, .ether_type = kEtherIpv4};
  return std::nullopt;
}

Start follow_ethernet(const std::uint8_t* data, std::uint32_t offset, std::uint32_t captured) {
  if (!holds(captured, offset, kEthernetHead)) return std::nullopt;
  return follow_ether_type(big16(data + offset + 12), data, offset + kEthernetHead, captured);
}

// Below the last label nothing says what follows. As everybody else we look at the first four bits; 0 is
// the control word of a pseudowire, and its frame Ethernet (RFC 4385).
Start follow_mpls(const std::uint8_t* data, std::uint32_t offset, std::uint32_t captured) {
  for (int depth = 0; depth < kDeepest; ++depth) {
    if (!holds(captured, offset, 5)) return std::nullopt;
    const bool last = (data[offset + 2] & 1) != 0;
    offset += 4;
    if (!last) continue;
    if (const Start ip = by_version(data, offset, captured)) return ip;
    if (data[offset] >> 4 == 0) {
      if (const Start frame = follow_ethernet(data, offset + 4, captured)) return frame;
    }
    return follow_ethernet(data, offset, captured);
  }
  return std::nullopt;
}

// Its head says how long the PPP frame is; what Ethernet padded does not belong to it.
Start follow_pppoe(const std::uint8_t* data, std::uint32_t offset, std::uint32_t captured) {
  constexpr std::uint32_t kHead = 6;
  if (!holds(captured, offset, kHead)) return std::nullopt;
  const std::uint32_t length = big16(data + offset + 4);
  Start start = follow_ppp(data, offset + kHead, captured);
  if (!start) return start;
  const std::uint32_t used = start->offset - offset - kHead;
  if (length > used) start->limit = length - used;
  return start;
}

// The address and control bytes ff 03 are there or not.
Start find_ppp(const std::uint8_t* data, std::uint32_t captured) {
  if (!holds(captured, 0, 2)) return std::nullopt;
  return follow_ppp(data, data[0] == 0xff && data[1] == 0x03 ? 2 : 0, captured);
}

Start find_cisco_hdlc(const std::uint8_t* data, std::uint32_t captured) {
  if (!holds(captured, 0, 4)) return std::nullopt;
  if (data[0] == 0xff && data[1] == 0x03) return follow_ppp(data, 2, captured);
  return follow_ether_type(big16(data + 2), data, 4, captured);
}

// Four bytes of address family in the byte order of the machine that captured. IPv6 has a number of its
// own on each BSD and on Linux.
Start find_null(const std::uint8_t* data, std::uint32_t captured) {
  if (!holds(captured, 0, 5)) return std::nullopt;
  std::uint32_t family = little32(data);
  if ((family & 0xffff'0000u) != 0) family = big32(data);
  switch (family) {
    case 2:
    case 10:
    case 23:
    case 24:
    case 28:
    case 30:
      return by_version(data, 4, captured);
    default:
      return std::nullopt;
  }
}

Start find_80211(const std::uint8_t* data, std::uint32_t offset, std::uint32_t captured, bool padded) {
  if (!holds(captured, offset, 24)) return std::nullopt;
  const std::uint8_t type = data[offset];
  const std::uint8_t flags = data[offset + 1];
  const bool is_data = (type & 0x0c) == 0x08;
  const bool carries_data = (type & 0x40) == 0;
  const bool is_encrypted = (flags & 0x40) != 0;
  if ((type & 0x03) != 0 || !is_data || !carries_data || is_encrypted) return std::nullopt;
  std::uint32_t head = 24;
  if ((flags & 0x03) == 0x03) head += 6;  // a fourth address, between access points
  bool aggregated = false;
  if ((type & 0x80) != 0) {  // quality of service
    if (!holds(captured, offset, head + 2)) return std::nullopt;
    aggregated = (data[offset + head] & 0x80) != 0;
    head += 2;
    if ((flags & 0x80) != 0) head += 4;  // HT control
  }
  if (padded) head = (head + 3) & ~std::uint32_t{3};
  offset += head;
  // The first subframe of an A-MSDU; the others are not looked for.
  if (aggregated) offset += 14;
  return follow_llc(data, offset, captured);
}

Start find_radiotap(const std::uint8_t* data, std::uint32_t captured) {
  if (!holds(captured, 0, 8)) return std::nullopt;
  const std::uint32_t length = little16(data + 2);
  const std::uint32_t present = little32(data + 4);
  // The flags byte stands behind the chain of presence words and, if present, the aligned TSF time.
  std::uint32_t at = 8;
  for (std::uint32_t word = present; (word & 0x8000'0000u) != 0 && holds(captured, at, 4);) {
    word = little32(data + at);
    at += 4;
  }
  if ((present & 1) != 0) at = ((at + 7) & ~std::uint32_t{7}) + 8;
  const bool padded = (present & 2) != 0 && holds(captured, at, 1) && (data[at] & 0x20) != 0;
  return find_80211(data, length, captured, padded);
}

Start find_avs(const std::uint8_t* data, std::uint32_t captured) {
  if (!holds(captured, 0, 8)) return std::nullopt;
  return find_80211(data, big32(data + 4), captured, false);
}

Start find_ppi(const std::uint8_t* data, std::uint32_t captured) {
  if (!holds(captured, 0, 8)) return std::nullopt;
  const std::uint32_t inner = little32(data + 4);
  const std::uint32_t length = little16(data + 2);
  if (!holds(captured, length, 1)) return std::nullopt;
  if (inner == kLink80211) return find_80211(data, length, captured, false);
  if (inner == kLinkEthernet) return follow_ethernet(data, length, captured);
  return std::nullopt;
}

}  // namespace

Start follow_ppp(const std::uint8_t* data, std::uint32_t offset, std::uint32_t captured) {
  if (!holds(captured, offset, 2)) return std::nullopt;
  // A protocol below 256 may be cut to one byte, which is then odd.
  std::uint16_t protocol = data[offset];
  std::uint32_t size = 1;
  if ((protocol & 1) == 0) {
    protocol = big16(data + offset);
    size = 2;
  }
  if (protocol == kPppIpv4) return NetworkStart{.offset = offset + size, .ether_type = kEtherIpv4};
  if (protocol == kPppIpv6) return NetworkStart{.offset = offset + size, .ether_type = kEtherIpv6};
  if (protocol == kPppMpls) return follow_mpls(data, offset + size, captured);
  return std::nullopt;
}

Start follow_ether_type(std::uint16_t ether_type, const std::uint8_t* data, std::uint32_t offset,
                        std::uint32_t captured) {
  for (int depth = 0; depth < kDeepest; ++depth) {
    switch (ether_type) {
      case kEtherVlan:
      case kEtherProviderVlan:
      case kEtherOldProviderVlan:
      case kEtherOlderProviderVlan:
        if (!holds(captured, offset, 4)) return std::nullopt;
        ether_type = big16(data + offset + 2);
        offset += 4;
        continue;
      case kEtherPppoeSession:
        return follow_pppoe(data, offset, captured);
      case kEtherMpls:
      case kEtherMplsUpstream:
        return follow_mpls(data, offset, captured);
      case kEtherBridged:
        return follow_ethernet(data, offset, captured);
      default:
        if (ether_type < kSmallestEtherType) return follow_llc(data, offset, captured);
        return NetworkStart{.offset = offset, .ether_type = ether_type};
    }
  }
  return std::nullopt;
}

Start find_network(std::uint32_t link_type, const std::uint8_t* data, std::uint32_t captured) {
  switch (link_type) {
    case kLinkEthernet:
      return follow_ethernet(data, 0, captured);
    case kLinkEthernetMpacket:
      return follow_ethernet(data, 8, captured);
    case kLinkNull:
    case kLinkLoop:
      return find_null(data, captured);
    case kLinkRaw:
    case kLinkRawBsd:
    case kLinkRawOpenBsd:
    case kLinkIpv4:
    case kLinkIpv6:
      return by_version(data, 0, captured);
    case kLinkSll:
      if (!holds(captured, 0, 16)) return std::nullopt;
      return follow_ether_type(big16(data + 14), data, 16, captured);
    case kLinkSll2:
      if (!holds(captured, 0, 20)) return std::nullopt;
      return follow_ether_type(big16(data), data, 20, captured);
    case kLinkPpp:
    case kLinkPppHdlc:
      return find_ppp(data, captured);
    case kLinkPppoe:
      return follow_pppoe(data, 0, captured);
    case kLinkCiscoHdlc:
      return find_cisco_hdlc(data, captured);
    case kLink80211:
      return find_80211(data, 0, captured, false);
    case kLinkPrism:
      return find_80211(data, 144, captured, false);
    case kLinkRadiotap:
      return find_radiotap(data, captured);
    case kLinkAvs:
      return find_avs(data, captured);
    case kLinkPpi:
      return find_ppi(data, captured);
    default:
      return std::nullopt;
  }
}

const char* link_type_name(std::uint32_t link_type) {
  switch (link_type) {
    case kLinkEthernet:
      return "Ethernet";
    case kLinkEthernetMpacket:
      return "Ethernet with preamble";
    case kLinkNull:
    case kLinkLoop:
      return "BSD loopback";
    case kLinkRaw:
    case kLinkRawBsd:
    case kLinkRawOpenBsd:
      return "raw IP";
    case kLinkIpv4:
      return "raw IPv4";
    case kLinkIpv6:
      return "raw IPv6";
    case kLinkSll:
      return "Linux cooked v1";
    case kLinkSll2:
      return "Linux cooked v2";
    case kLinkPpp:
    case kLinkPppHdlc:
      return "PPP";
    case kLinkPppoe:
      return "PPPoE";
    case kLinkCiscoHdlc:
      return "Cisco HDLC";
    case kLink80211:
    case kLinkPrism:
    case kLinkRadiotap:
    case kLinkAvs:
    case kLinkPpi:
      return "802.11";
    default:
      return nullptr;
  }
}

}  // namespace isotach::network
