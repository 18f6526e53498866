// One frame as a capture holds it: bytes of the link layer, when they were seen, and how many there were.
#pragma once

#include <cstdint>

namespace isotach::network {

// Numbers of https://www.tcpdump.org/linktypes.html that the decoder understands.
enum LinkType : std::uint32_t {
  kLinkNull = 0,
  kLinkEthernet = 1,
  kLinkPpp = 9,
  kLinkRawBsd = 12,  // what BSD and Linux libpcap wrote before LINKTYPE_RAW
  kLinkRawOpenBsd = 14,
  kLinkPppHdlc = 50,
  kLinkPppoe = 51,
  kLinkRaw = 101,
  kLinkCiscoHdlc = 104,
  kLink80211 = 105,
  kLinkLoop = 108,
  kLinkSll = 113,
  kLinkPrism = 119,
  kLinkRadiotap = 127,
  kLinkAvs = 163,
  kLinkPpi = 192,
  kLinkIpv4 = 228,
  kLinkIpv6 = 229,
  kLinkEthernetMpacket = 274,
  kLinkSll2 = 276,
};

struct Frame {
  const std::uint8_t* data = nullptr;  // valid until the next frame is asked for
  std::uint32_t captured = 0;          // bytes at `data`
  std::uint32_t wire_length = 0;       // bytes the frame had; at least `captured`
  std::uint32_t link_type = kLinkEthernet;
  std::int64_t time_ns = 0;  // since 1970; may go backwards from frame to frame
};

}  // namespace isotach::network
