#include "network/packet/tcp_header.h"

#include <algorithm>

#include "network/packet/bytes.h"

namespace isotach::network {
namespace {

constexpr std::uint32_t kHead = 20;

constexpr std::uint8_t kEnd = 0;
constexpr std::uint8_t kNothing = 1;
constexpr std::uint8_t kMss = 2;
constexpr std::uint8_t kWindowScale = 3;
constexpr std::uint8_t kSackPermitted = 4;
constexpr std::uint8_t kSack = 5;
constexpr std::uint8_t kTimestamps = 8;

void read_sack(const std::uint8_t* body, std::uint32_t size, TcpOptions& options) {
  options.has_sack = true;
  options.sack_blocks = 0;
  for (std::uint32_t at = 0; at + 8 <= size && options.sack_blocks < TcpOptions::kMostBlocks; at += 8)
    options.sack[options.sack_blocks++] = {big32(body + at), big32(body + at + 4)};
}

}  // namespace

bool read_tcp_header(const Packet& packet, TcpHeader& header) {
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

void read_tcp_options(const Packet& packet, const TcpHeader& header, TcpOptions& options) {
  // Nothing, nothing, timestamps: what nearly every segment of a running connection has.
  constexpr std::uint32_t kUsual = 0x0101080a;
  const std::uint32_t end = std::min<std::uint32_t>(header.length, packet.transport_captured);
  const std::uint8_t* bytes = packet.transport;
  if (header.length == kHead + 12 && end == kHead + 12 && big32(bytes + kHead) == kUsual) {
    options.has_timestamps = true;
    options.timestamp = big32(bytes + kHead + 4);
    options.echoed_timestamp = big32(bytes + kHead + 8);
    return;
  }
  for (std::uint32_t at = kHead; at < end;) {
    const std::uint8_t kind = bytes[at];
    if (kind == kEnd || kind == kNothing) {
      ++at;
      continue;
    }
    if (at + 1 >= end) return;
    const std::uint32_t length = bytes[at + 1];
    if (length < 2 || length > end - at) return;
    const std::uint8_t* body = bytes + at + 2;
    const std::uint32_t size = length - 2;
    if (kind == kMss && size >= 2) {
      options.has_mss = true;
      options.mss = big16(body);
    } else if (kind == kWindowScale && size >= 1) {
      options.has_window_scale = true;
      options.window_scale = body[0];
    } else if (kind == kSackPermitted) {
      options.sack_permitted = true;
    } else if (kind == kSack) {
      read_sack(body, size, options);
    } else if (kind == kTimestamps && size >= 8) {
      options.has_timestamps = true;
      options.timestamp = big32(body);
      options.echoed_timestamp = big32(body + 4);
    }
    at += length;
  }
}

}  // namespace isotach::network
