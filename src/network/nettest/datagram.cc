#include "network/nettest/datagram.h"

#include <endian.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "network/nettest/protocol.h"

namespace isotach::nettest {
namespace {

void put_be32(std::span<char> out, std::size_t at, std::uint32_t value) {
  const std::uint32_t raw = htobe32(value);
  std::memcpy(out.data() + at, &raw, sizeof raw);
}

}  // namespace

void write_head(std::span<char> out, const DatagramHead& head, bool counters_64) {
  CHECK(out.size() >= head_bytes(counters_64));
  put_be32(out, 0, static_cast<std::uint32_t>(head.sent_us / 1'000'000));
  put_be32(out, 4, static_cast<std::uint32_t>(head.sent_us % 1'000'000));
  if (counters_64) put_be32(out, 8, static_cast<std::uint32_t>(head.number >> 32));
  put_be32(out, counters_64 ? 12 : 8, static_cast<std::uint32_t>(head.number));
}

std::optional<DatagramHead> read_head(std::string_view datagram, bool counters_64) {
  if (datagram.size() < head_bytes(counters_64)) return std::nullopt;
  DatagramHead head;
  head.sent_us = std::int64_t{read_be32(datagram)} * 1'000'000 + read_be32(datagram.substr(4));
  head.number = read_be32(datagram.substr(8));
  if (counters_64) head.number = head.number << 32 | read_be32(datagram.substr(12));
  return head;
}

void DelayVariation::add(std::int64_t transit_ns) {
  if (!shortest_ns_) shortest_ns_ = transit_ns;
  if (transit_ns < *shortest_ns_) {
    // All the others took longer by that much than we thought. New minima are rare.
    const auto more_ns = static_cast<std::uint64_t>(*shortest_ns_ - transit_ns);
    Histogram moved;
    for (const auto& [bucket, count] : values_.buckets())
      moved.add(std::min(Histogram::upper_end(bucket), values_.maximum()) + more_ns, count);
    values_ = std::move(moved);
    shortest_ns_ = transit_ns;
  }
  values_.add(static_cast<std::uint64_t>(transit_ns - *shortest_ns_));
}

bool Arrivals::seen(std::uint64_t number) const {
  return (window_[number % kWindow / 64] >> (number % 64) & 1) != 0;
}

void Arrivals::mark(std::uint64_t number, bool present) {
  std::uint64_t& word = window_[number % kWindow / 64];
  const std::uint64_t bit = std::uint64_t{1} << (number % 64);
  word = present ? word | bit : word & ~bit;
}

void Arrivals::add(const DatagramHead& head, std::int64_t arrived_us) {
  const std::uint64_t number = head.number;
  if (number == 0 || (number > highest_ && number - highest_ > kLargestJump)) return;
  ++received_;
  if (number > highest_) {
    const std::uint64_t missing = number - highest_ - 1;
    if (missing >= kWindow) {
      window_.fill(0);
    } else {
      for (std::uint64_t i = highest_ + 1; i < number; ++i) mark(i, false);
    }
    mark(number, true);
    lost_ += missing;
    highest_ = number;
  } else if (highest_ - number < kWindow && seen(number)) {
    ++duplicates_;
    return;  // its transit time says nothing new
  } else {
    ++out_of_order_;
    if (lost_ > 0) --lost_;
    if (number < highest_ && highest_ - number < kWindow) mark(number, true);
  }
  const std::int64_t transit_us = arrived_us - head.sent_us;
  if (transit_us_) {
    const double change_us = std::abs(static_cast<double>(transit_us) - static_cast<double>(*transit_us_));
    jitter_us_ += (change_us - jitter_us_) / 16;
  }
  transit_us_ = transit_us;
}

}  // namespace isotach::nettest
