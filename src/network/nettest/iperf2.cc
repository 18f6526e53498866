#include "network/nettest/iperf2.h"

#include <algorithm>

#include "base/clock.h"
#include "network/nettest/parameters.h"
#include "network/nettest/protocol.h"

namespace isotach::nettest {
namespace {

// Flags of the first word.
constexpr std::uint32_t kVersion1 = 0x80000000;
constexpr std::uint32_t kExtended = 0x40000000;
constexpr std::uint32_t kWideNumbers = 0x08000000;
constexpr std::uint32_t kReverseHint = 0x04000000;  // set beside the word below
constexpr std::uint32_t kHasLength = 0x00010000;
constexpr std::uint32_t kLengthBits = 0x0000fffe;
// Flags of the upper half of the first word of the extension.
constexpr std::uint32_t kFullDuplex = 0x08000000;
constexpr std::uint32_t kReverse = 0x04000000;

// Bytes of the words up to the amount; with the extension; those of TCP and UDP that 2.1.8 sends.
constexpr std::size_t kPlainBytes = 24;
constexpr std::size_t kExtendedBytes = 60;
constexpr std::size_t kLargestBytes = 512;
constexpr std::size_t kTcpBytes = 60;
constexpr std::size_t kUdpBytes = 76;
constexpr std::uint32_t kMostStreams = 10'000;

constexpr std::int64_t kAmountUnitNs = 10'000'000;
constexpr std::int64_t kMicroseconds = 1'000'000;

std::uint32_t word(std::string_view bytes, std::size_t index) {
  return read_be32(bytes.substr(index * 4));
}

std::uint64_t wide(std::string_view bytes, std::size_t high, std::size_t low) {
  return std::uint64_t{word(bytes, high)} << 32 | word(bytes, low);
}

}  // namespace

std::size_t iperf2_test_bytes(std::string_view begin) {
  const std::uint32_t flags = word(begin, 0);
  if ((flags & kExtended) == 0 || (flags & kHasLength) == 0) return 0;
  const std::size_t bytes = (flags & kLengthBits) >> 1;
  return bytes >= kPlainBytes && bytes <= kLargestBytes ? bytes : 0;
}

std::optional<Iperf2Test> read_iperf2_test(std::string_view bytes, bool udp) {
  if (bytes.size() < kPlainBytes) return std::nullopt;
  // Of UDP the length counts from the begin of the datagram.
  const std::size_t told = iperf2_test_bytes(bytes);
  const std::size_t size = udp ? told - std::min(told, kIperf2DatagramBytes) : told;
  if (size < kPlainBytes || bytes.size() < size) return std::nullopt;
  Iperf2Test test;
  test.connects_back = (word(bytes, 0) & kVersion1) != 0;
  test.streams = word(bytes, 1);
  if (test.streams == 0 || test.streams > kMostStreams) return std::nullopt;
  test.length = std::min(word(bytes, 3), kLargestTcpLength);
  test.window = word(bytes, 4);
  const auto amount = static_cast<std::int32_t>(word(bytes, 5));
  if (amount < 0) {
    test.time_ns = -std::int64_t{amount} * kAmountUnitNs;
  } else {
    test.bytes = static_cast<std::uint64_t>(amount);
  }
  if (size < kExtendedBytes) return test;
  const std::uint32_t flags = word(bytes, 8);
  test.reverse = (flags & kReverse) != 0;
  test.full_duplex = (flags & kFullDuplex) != 0;
  test.tos = word(bytes, 11) & 0xff;
  if (udp) test.rate_bps = word(bytes, 12);
  return test;
}

std::string iperf2_test(const Iperf2Test& test, bool udp) {
  const std::size_t bytes = udp ? kUdpBytes : kTcpBytes;
  std::uint32_t flags = kExtended | kHasLength | static_cast<std::uint32_t>(bytes << 1);
  if (udp) flags |= kWideNumbers;
  if (test.reverse) flags |= kReverseHint;
  const auto amount = test.time_ns > 0
                          ? static_cast<std::uint32_t>(-static_cast<std::int32_t>(
                                std::min<std::int64_t>(test.time_ns / kAmountUnitNs, 0x7fffffff)))
                          : static_cast<std::uint32_t>(std::min<std::uint64_t>(test.bytes, 0x7fffffff));
  std::string out = be32(flags) + be32(test.streams) + be32(kIperf2Port) + be32(test.length) +
                    be32(test.window) + be32(amount) + be32(0) + be32(0) + be32(test.reverse ? kReverse : 0);
  // The version that knows these words.
  out += be32(0x00020001) + be32(0x00080003) + be32(test.tos);
  out += be32(static_cast<std::uint32_t>(std::min<std::uint64_t>(test.rate_bps, 0xffffffff)));
  const std::size_t end = udp ? kUdpBytes - kIperf2DatagramBytes : kTcpBytes;
  out.resize(end, '\0');
  return out;
}

std::optional<Iperf2Datagram> read_iperf2_datagram(std::string_view bytes) {
  if (bytes.size() < kIperf2DatagramBytes) return std::nullopt;
  Iperf2Datagram datagram;
  datagram.number = static_cast<std::int64_t>(wide(bytes, 3, 0));
  datagram.sent_us = std::int64_t{word(bytes, 1)} * kMicroseconds + word(bytes, 2);
  return datagram;
}

std::string iperf2_datagram(const Iperf2Datagram& datagram) {
  const auto number = static_cast<std::uint64_t>(datagram.number);
  return be32(static_cast<std::uint32_t>(number)) +
         be32(static_cast<std::uint32_t>(datagram.sent_us / kMicroseconds)) +
         be32(static_cast<std::uint32_t>(datagram.sent_us % kMicroseconds)) +
         be32(static_cast<std::uint32_t>(number >> 32));
}

namespace {

// After the head of a datagram: ten words that every version has, fifteen of transit times, three with the
// upper halves of the counts.
constexpr std::size_t kReportAt = kIperf2DatagramBytes;
constexpr std::size_t kOldReportBytes = kReportAt + 40;
constexpr std::size_t kReportBytes = kOldReportBytes + 72;
constexpr std::size_t kUpperHalves = 25;

}  // namespace

std::optional<Iperf2Report> read_iperf2_report(std::string_view bytes) {
  if (bytes.size() < kOldReportBytes) return std::nullopt;
  const std::string_view words = bytes.substr(kReportAt);
  if ((word(words, 0) & kVersion1) == 0) return std::nullopt;
  Iperf2Report report;
  report.bytes = wide(words, 1, 2);
  report.time_us = std::int64_t{word(words, 3)} * kMicroseconds + word(words, 4);
  report.lost = word(words, 5);
  report.out_of_order = word(words, 6);
  report.datagrams = word(words, 7);
  report.jitter_us = std::int64_t{word(words, 8)} * kMicroseconds + word(words, 9);
  return report;
}

std::string iperf2_report(const Iperf2Report& report) {
  const auto low = [](std::uint64_t value) { return be32(static_cast<std::uint32_t>(value)); };
  const auto time = [&low](std::int64_t us) {
    return low(static_cast<std::uint64_t>(us / kMicroseconds)) +
           low(static_cast<std::uint64_t>(us % kMicroseconds));
  };
  std::string out(kReportAt, '\0');
  out += be32(kVersion1 | kWideNumbers) + low(report.bytes >> 32) + low(report.bytes) + time(report.time_us) +
         low(report.lost) + low(report.out_of_order) + low(report.datagrams) + time(report.jitter_us);
  out.resize(kReportAt + kUpperHalves * 4, '\0');
  out += low(report.lost >> 32) + low(report.out_of_order >> 32) + low(report.datagrams >> 32);
  out.resize(kReportBytes, '\0');
  return out;
}

}  // namespace isotach::nettest
