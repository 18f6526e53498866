// The head of a TCP segment and its options (RFC 9293, 7323, 2018).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "network/packet/bytes.h"
#include "network/packet/packet.h"

namespace isotach::network {

inline constexpr std::uint8_t kTcpFin = 0x01;
inline constexpr std::uint8_t kTcpSyn = 0x02;
inline constexpr std::uint8_t kTcpRst = 0x04;
inline constexpr std::uint8_t kTcpPsh = 0x08;
inline constexpr std::uint8_t kTcpAck = 0x10;
inline constexpr std::uint8_t kTcpUrg = 0x20;
inline constexpr std::uint8_t kTcpEce = 0x40;
inline constexpr std::uint8_t kTcpCwr = 0x80;

struct SackBlock {
  std::uint32_t left = 0;
  std::uint32_t right = 0;
};

struct TcpOptions {
  static constexpr std::uint32_t kMostBlocks = 4;  // 40 bytes of options have room for no more

  bool has_mss = false;
  bool has_window_scale = false;
  bool has_timestamps = false;
  bool sack_permitted = false;
  bool has_sack = false;  // the option is there, with blocks or without
  bool is_rare = false;   // one of the options is there, other than timestamps
  std::uint8_t window_scale = 0;
  std::uint8_t sack_blocks = 0;
  std::uint16_t mss = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t echoed_timestamp = 0;
  std::array<SackBlock, kMostBlocks> sack{};
};

struct TcpHeader {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint16_t window = 0;
  std::uint16_t urgent_pointer = 0;
  std::uint8_t flags = 0;
  std::uint8_t length = 20;  // of the head with its options, as it says itself: 0 to 60

  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};

// False when less than the 20 bytes that every segment has were captured.
[[nodiscard]] inline bool read_tcp_header(const Packet& packet, TcpHeader& header) {
  constexpr std::uint32_t kHead = 20;
  if (packet.transport_captured < kHead) return false;
  const std::uint8_t* bytes = packet.transport;
  header.source_port = big16(bytes);
  header.destination_port = big16(bytes + 2);
  header.sequence = big32(bytes + 4);
  header.acknowledgement = big32(bytes + 8);
  header.length = static_cast<std::uint8_t>((bytes[12] >> 4) * 4);
  header.flags = bytes[13];
  header.window = big16(bytes + 14);
  header.urgent_pointer = big16(bytes + 18);
  return true;
}

// As far as they were captured. Options that contradict their length end the list.
void read_unusual_tcp_options(const Packet& packet, const TcpHeader& header, TcpOptions& options);

// What nearly every segment of a running connection has: nothing, nothing, timestamps.
inline constexpr std::uint32_t kUsualTcpOptions = 12;
[[nodiscard]] inline bool are_usual_tcp_options(const std::uint8_t* bytes) {
  return big32(bytes) == 0x0101080a;
}

inline void read_tcp_options(const Packet& packet, const TcpHeader& header, TcpOptions& options) {
  constexpr std::uint32_t kUsualLength = 20 + kUsualTcpOptions;
  const std::uint8_t* bytes = packet.transport + 20;
  if (header.length == kUsualLength && packet.transport_captured >= kUsualLength &&
      are_usual_tcp_options(bytes)) {
    options.has_timestamps = true;
    options.timestamp = big32(bytes + 4);
    options.echoed_timestamp = big32(bytes + 8);
  } else if (header.length > 20) {
    read_unusual_tcp_options(packet, header, options);
  }
}

}  // namespace isotach::network
