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

void read_unusual_tcp_options(const Packet& packet, const TcpHeader& header, TcpOptions& options) {
  const std::uint32_t end = std::min<std::uint32_t>(header.length, packet.transport_captured);
  const std::uint8_t* bytes = packet.transport;
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
  options.is_rare = options.has_mss || options.has_window_scale || options.sack_permitted || options.has_sack;
}

}  // namespace isotach::network
