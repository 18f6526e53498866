// The head of iperf3's datagrams, and what of them arrives. Pure.
//
// Head, in network byte order: seconds and microseconds of the sender's clock (32 bits each), then the number
// of the datagram from 1, 32 or 64 bits wide.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/histogram.h"

namespace isotach::nettest {

// "9876" opens a stream; ours adds the cookie of its test, which stock servers ignore.
inline constexpr std::string_view kUdpHello = "9876";
inline constexpr std::string_view kUdpHelloReply = "6789";
// Old servers answer with the number 987654321 in their own byte order.
inline constexpr std::string_view kOldUdpHelloReply = "\xb1\x68\xde\x3a";

struct DatagramHead {
  std::int64_t sent_us = 0;
  std::uint64_t number = 0;
};

[[nodiscard]] constexpr std::size_t head_bytes(bool counters_64) {
  return counters_64 ? 16 : 12;
}
// `out` holds at least head_bytes().
void write_head(std::span<char> out, const DatagramHead& head, bool counters_64);
// Nothing where the datagram is too short.
[[nodiscard]] std::optional<DatagramHead> read_head(std::string_view datagram, bool counters_64);

// How much longer than the shortest each transit took (RFC 5481: packet delay variation), in ns. The clocks
// of both ends need not agree, but what they drift apart during the test counts.
class DelayVariation {
 public:
  void add(std::int64_t transit_ns);
  [[nodiscard]] const Histogram& values() const { return values_; }

 private:
  Histogram values_;
  std::optional<std::int64_t> shortest_ns_;
};

// Counts datagrams by their numbers: RFC 4737 calls late what comes after a higher number.
class Arrivals {
 public:
  void add(const DatagramHead& head, std::int64_t arrived_us);

  [[nodiscard]] std::uint64_t received() const { return received_; }  // with duplicates
  [[nodiscard]] std::uint64_t highest() const { return highest_; }
  // Numbers up to the highest that have not come; what comes late is no longer lost.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::uint64_t out_of_order() const { return out_of_order_; }
  [[nodiscard]] std::uint64_t duplicates() const { return duplicates_; }
  // RFC 3550, section 6.4.1: a sixteenth of each change of the transit time is taken over.
  [[nodiscard]] double jitter_us() const { return jitter_us_; }

 private:
  // How far back a number can be told late or seen before. Older ones count as late.
  static constexpr std::uint64_t kWindow = 8192;
  // A larger jump is no gap but a foreign datagram: nobody could send so many at once.
  static constexpr std::uint64_t kLargestJump = std::uint64_t{1} << 32;

  [[nodiscard]] bool seen(std::uint64_t number) const;
  void mark(std::uint64_t number, bool present);

  std::array<std::uint64_t, kWindow / 64> window_{};
  std::uint64_t received_ = 0;
  std::uint64_t highest_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t out_of_order_ = 0;
  std::uint64_t duplicates_ = 0;
  double jitter_us_ = 0;
  std::optional<std::int64_t> transit_us_;
};

}  // namespace isotach::nettest
