// What iperf 2 says over the wire, as its version 2.1 does. Pure.
//
// TCP: the client connects, says in the first bytes what it is about to do, and sends; with `reverse` the
// server sends. Each stream is a connection of its own, and nothing is told at the end but that it ends. UDP:
// each datagram has a number from 1, and the same words of the test. The last ones have negative numbers; the
// server answers them with what it received.
//
// All words are 32 bits in network byte order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace isotach::nettest {

inline constexpr std::uint16_t kIperf2Port = 5001;

struct Iperf2Test {
  std::uint32_t streams = 1;
  std::uint32_t length = 0;  // of a write or datagram; 0: not told
  std::uint32_t window = 0;
  std::uint64_t bytes = 0;  // to send; 0: for `time_ns`
  std::int64_t time_ns = 0;
  std::uint64_t rate_bps = 0;  // UDP
  std::uint32_t tos = 0;
  bool reverse = false;        // the server sends
  bool full_duplex = false;    // both send on one connection
  bool connects_back = false;  // the server connects to the client, at once or afterwards
};

// Bytes of the words of a test that begin so: at least 4 of them are there. 0: these are no words of iperf2.
[[nodiscard]] std::size_t iperf2_test_bytes(std::string_view begin);
// Nothing where it is too short for what it says of itself.
[[nodiscard]] std::optional<Iperf2Test> read_iperf2_test(std::string_view bytes, bool udp);
[[nodiscard]] std::string iperf2_test(const Iperf2Test& test, bool udp);

struct Iperf2Datagram {
  std::int64_t number = 0;  // below 0: the last one, again and again until it is answered
  std::int64_t sent_us = 0;

  [[nodiscard]] std::uint64_t magnitude() const {
    const auto value = static_cast<std::uint64_t>(number);
    return number < 0 ? 0 - value : value;
  }
};

inline constexpr std::size_t kIperf2DatagramBytes = 16;
[[nodiscard]] std::optional<Iperf2Datagram> read_iperf2_datagram(std::string_view bytes);
[[nodiscard]] std::string iperf2_datagram(const Iperf2Datagram& datagram);

// The server's answer to the last datagram. What it counts includes that one.
struct Iperf2Report {
  std::uint64_t bytes = 0;
  std::uint64_t datagrams = 0;  // sent, by the last number
  std::uint64_t lost = 0;
  std::uint64_t out_of_order = 0;
  std::int64_t time_us = 0;
  std::int64_t jitter_us = 0;
};

[[nodiscard]] std::optional<Iperf2Report> read_iperf2_report(std::string_view bytes);
[[nodiscard]] std::string iperf2_report(const Iperf2Report& report);

}  // namespace isotach::nettest
