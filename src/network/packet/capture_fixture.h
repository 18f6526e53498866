// Captures made byte by byte, for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "network/packet/capture_reader.h"
#include "network/packet/tcp_header.h"

namespace isotach::network {

using Bytes = std::vector<std::uint8_t>;

inline void append(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}
inline void append16(Bytes& bytes, std::uint32_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
  bytes.push_back(static_cast<std::uint8_t>(value));
}
inline void append32(Bytes& bytes, std::uint32_t value) {
  append16(bytes, value >> 16);
  append16(bytes, value & 0xffff);
}
inline void append_text(Bytes& bytes, std::string_view text) {
  for (const char c : text) bytes.push_back(static_cast<std::uint8_t>(c));
}

// A segment to be put into a packet.
struct TestSegment {
  std::uint16_t source_port = 40000;
  std::uint16_t destination_port = 80;
  std::uint32_t sequence = 1000;
  std::uint32_t ack = 0;
  std::uint8_t flags = kTcpAck;
  std::uint16_t window = 1000;
  Bytes options = {};  // a multiple of four bytes
  std::uint32_t data = 0;
};

inline Bytes tcp_bytes(const TestSegment& segment) {
  Bytes bytes;
  append16(bytes, segment.source_port);
  append16(bytes, segment.destination_port);
  append32(bytes, segment.sequence);
  append32(bytes, segment.ack);
  bytes.push_back(static_cast<std::uint8_t>((20 + segment.options.size()) / 4 << 4));
  bytes.push_back(segment.flags);
  append16(bytes, segment.window);
  append32(bytes, 0);
  append(bytes, segment.options);
  bytes.insert(bytes.end(), segment.data, 'x');
  return bytes;
}

// 10.0.0.1 to 10.0.0.2; `fragment` is the word of flags and offset.
inline Bytes ipv4_bytes(const Bytes& payload, std::uint8_t protocol = kProtocolTcp, std::uint16_t id = 1,
                        std::uint16_t fragment = 0) {
  Bytes bytes = {0x45, 0};
  append16(bytes, static_cast<std::uint32_t>(20 + payload.size()));
  append16(bytes, id);
  append16(bytes, fragment);
  bytes.insert(bytes.end(), {64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2});
  append(bytes, payload);
  return bytes;
}

// 2001:db8::1 to 2001:db8::2.
inline Bytes ipv6_bytes(const Bytes& payload, std::uint8_t next = kProtocolTcp) {
  Bytes bytes = {0x60, 0, 0, 0};
  append16(bytes, static_cast<std::uint32_t>(payload.size()));
  bytes.insert(bytes.end(), {next, 64});
  for (const std::uint8_t last : {std::uint8_t{1}, std::uint8_t{2}}) {
    bytes.insert(bytes.end(), {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last});
  }
  append(bytes, payload);
  return bytes;
}

inline Bytes ethernet_bytes(const Bytes& payload, std::initializer_list<std::uint16_t> types = {0x0800}) {
  Bytes bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  for (auto type = types.begin(); type != types.end(); ++type) {
    if (type != types.begin()) append16(bytes, 7);  // the tag of a VLAN
    append16(bytes, *type);
  }
  append(bytes, payload);
  return bytes;
}

inline Frame frame_of(const Bytes& bytes, std::uint32_t link_type = kLinkEthernet) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  return {.data = bytes.data(), .captured = size, .wire_length = size, .link_type = link_type, .time_ns = 0};
}

// A pcap file of big-endian numbers with microseconds.
inline Bytes pcap_head(std::uint32_t magic = 0xa1b2c3d4, std::uint32_t link_type = kLinkEthernet) {
  Bytes bytes;
  append32(bytes, magic);
  append16(bytes, 2);
  append16(bytes, 4);
  for (const std::uint32_t word : {0u, 0u, 65535u, link_type}) append32(bytes, word);
  return bytes;
}

inline void append_record(Bytes& file, std::uint32_t seconds, std::uint32_t fraction, const Bytes& frame,
                          std::uint32_t wire_length = 0) {
  append32(file, seconds);
  append32(file, fraction);
  append32(file, static_cast<std::uint32_t>(frame.size()));
  append32(file, wire_length == 0 ? static_cast<std::uint32_t>(frame.size()) : wire_length);
  append(file, frame);
}

inline std::unique_ptr<CaptureReader> read_bytes(const Bytes& file) {
  auto source = unpack_byte_source(memory_byte_source(file.data(), file.size()));
  EXPECT_TRUE(source.has_value());
  auto reader = CaptureReader::over(std::move(*source));
  EXPECT_TRUE(reader.has_value()) << reader.error().message();
  return reader ? std::move(*reader) : nullptr;
}

}  // namespace isotach::network
