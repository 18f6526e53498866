// The one decoder of packets: from a frame to the innermost IP packet and its transport.
//
//     Decoder decoder;
//     if (const Packet* packet = decoder.decode(frame)) ...
//
// Nothing is copied and nothing allocated, except for fragments; nothing is read beyond what was captured,
// and every chain of heads has a bound. What is damaged is left out, and counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "network/packet/fragments.h"
#include "network/packet/frame.h"
#include "network/packet/packet.h"

namespace isotach::network {

struct DecoderOptions {
  // Puts fragments together: the packet is given with the frame that completes it. Without, the first
  // fragment stands for the packet.
  bool reassemble = true;
  // Takes the length that IP states for granted, even 0 where segmentation offload left it out, and the
  // fragment head of IPv6 for twice as long: as tcptrace 6.6.7 does (docs/tcptrace.md, faults 10 and 17).
  bool as_tcptrace = false;
};

struct DecoderCounts {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;         // on the wire
  std::uint64_t unknown_link = 0;  // of a link type that is not understood
  std::uint64_t not_ip = 0;        // ARP, spanning tree, ...
  std::uint64_t malformed = 0;     // IP heads that contradict themselves or the frame
  std::uint64_t fragments = 0;     // fragments of which no packet became complete with this frame
  std::uint64_t tunneled = 0;      // packets taken out of a tunnel
};

class Decoder {
 public:
  static constexpr int kMostIpHeads = 8;  // one in the other

  explicit Decoder(DecoderOptions options = {}) : options_(options) {}

  // nullptr when the frame carries no packet of IP that is complete. Valid until the next call.
  [[nodiscard]] const Packet* decode(const Frame& frame);
  // The datagrams of UDP that carried what decode() gave last: those of a tunnel, the innermost first.
  [[nodiscard]] std::span<const Packet> carriers() const { return {carriers_.data(), carrier_count_}; }
  [[nodiscard]] const DecoderCounts& counts() const { return counts_; }

 private:
  // A piece of the frame that one head after the other is taken off.
  struct Rest {
    const std::uint8_t* data;
    std::uint32_t captured;
    std::uint32_t length;  // bytes there were, captured or not
    int depth;             // IP heads so far
  };
  [[nodiscard]] bool take_network(std::uint16_t ether_type, Rest rest);
  [[nodiscard]] bool take_ipv4(Rest rest);
  void follow_source_route(const std::uint8_t* head, std::uint32_t head_length);
  [[nodiscard]] bool take_ipv6(Rest rest);
  [[nodiscard]] bool take_fragment(std::uint32_t id, std::uint32_t offset, bool more, Rest rest);
  [[nodiscard]] bool take_transport(std::uint8_t protocol, Rest rest);
  [[nodiscard]] bool take_gre(Rest rest);
  [[nodiscard]] bool take_udp_tunnel(Rest rest);
  [[nodiscard]] bool take_gtp(Rest rest);
  [[nodiscard]] bool take_inner(std::uint16_t ether_type, Rest rest, std::uint32_t offset);
  [[nodiscard]] bool malformed();

  DecoderOptions options_;
  DecoderCounts counts_;
  Fragments fragments_;
  Packet packet_;
  std::array<Packet, std::size_t{kMostIpHeads}> carriers_;
  std::size_t carrier_count_ = 0;
};

}  // namespace isotach::network
