// Conversations written segment by segment, for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

#include "network/connections/tracker.h"
#include "network/packet/capture_fixture.h"
#include "network/packet/decoder.h"

namespace isotach::network {

inline constexpr std::int64_t kMs = 1'000'000;

// A conversation between a (10.0.0.1:40000, or 2001:db8::1) and b (10.0.0.2:80), written segment by segment.
class Talk {
 public:
  explicit Talk(Rules rules = Rules::exact, int ip_version = 4)
      : tracker_(rules), is_ipv6_(ip_version == 6) {}

  void a(std::int64_t ms, TestSegment segment) { add(ms, segment, false); }
  void b(std::int64_t ms, TestSegment segment) { add(ms, segment, true); }

  // SYN at 0 ms, its answer at 10 ms, the third at 11 ms; both initial numbers are given.
  void open(std::uint32_t isn_a = 999, std::uint32_t isn_b = 4999) {
    const Bytes sack = {4, 2, 1, 1};
    a(0, {.sequence = isn_a, .flags = kTcpSyn, .options = sack});
    b(10, {.sequence = isn_b, .ack = isn_a + 1, .flags = kTcpSyn | kTcpAck, .options = sack});
    a(11, {.sequence = isn_a + 1, .ack = isn_b + 1});
  }
  const Connection& end() {
    tracker_.end();
    EXPECT_EQ(tracker_.size(), 1u);
    return tracker_[0];
  }
  Tracker& tracker() { return tracker_; }
  // The IP id of the next packet of a.
  void set_id(std::uint16_t id) { id_ = id; }

 private:
  void add(std::int64_t ms, TestSegment segment, bool reverse) {
    if (reverse) std::swap(segment.source_port, segment.destination_port);
    Bytes ip = is_ipv6_ ? ipv6_bytes(tcp_bytes(segment))
                        : ipv4_bytes(tcp_bytes(segment), kProtocolTcp, reverse ? peer_id_++ : id_++);
    if (reverse) is_ipv6_ ? std::swap(ip[23], ip[39]) : std::swap(ip[15], ip[19]);
    const Frame frame = frame_of(ip, kLinkRaw);
    const Packet* packet = decoder_.decode(frame);
    ASSERT_NE(packet, nullptr);
    tracker_.note_time(1'000'000 * kMs + ms * kMs);
    EXPECT_TRUE(tracker_.add(*packet, frame.wire_length, 1'000'000 * kMs + ms * kMs));
  }

  Tracker tracker_;
  bool is_ipv6_;
  Decoder decoder_;
  std::uint16_t id_ = 100;
  std::uint16_t peer_id_ = 7000;
};

inline Bytes sack(std::uint32_t left, std::uint32_t right) {
  Bytes bytes = {1, 1, 5, 10};
  append32(bytes, left);
  append32(bytes, right);
  return bytes;
}

}  // namespace isotach::network
