#include "network/nettest/short_queue.h"

#include <string>

#include "network/nettest/transfer.h"

namespace isotach::nettest {
namespace {

// Of slower streams and longer paths timers cost little, and a sender that is late for the next packet much.
constexpr double kFastBytesPerSecond = 32e6;
constexpr double kSlowBytesPerSecond = 16e6;
constexpr std::uint32_t kShortPathUs = 1000;
// Between two looks at the connection.
constexpr std::int64_t kLookNs = 2'000'000;
constexpr std::int64_t kLookAgainNs = 50'000'000;
// The kernel joins what it sends to no more than this (GSO_LEGACY_MAX_SIZE, less the headers).
constexpr std::size_t kJoinedBytes = 65'215;

}  // namespace

bool suits_short_queue(bool is_short, double bytes_per_second, const kernel::TcpInfo& info) {
  return info.least_rtt_us < kShortPathUs &&
         bytes_per_second >= (is_short ? kSlowBytesPerSecond : kFastBytesPerSecond);
}

std::size_t one_packet_bytes(std::uint32_t mss, std::size_t most) {
  if (mss == 0) return 0;
  return mss > most ? mss : most / mss * mss;
}

ShortQueue::ShortQueue(int fd) : fd_(fd), paced_(kernel::congestion_of(fd).rfind("bbr", 0) == 0) {}

void ShortQueue::look() {
  calls_ = 0;
  const std::int64_t now_ns = monotonic_ns();
  const std::int64_t took_ns = now_ns - looked_ns_;
  if (took_ns < (is_short_ ? kLookAgainNs : kLookNs)) return;
  const double bytes_per_second = static_cast<double>(bytes_) * 1e9 / static_cast<double>(took_ns);
  const bool is_first = looked_ns_ == 0;
  bytes_ = 0;
  looked_ns_ = now_ns;
  if (is_first) return;
  const auto info = kernel::read_tcp_info(fd_);
  if (!info) return;
  shorten(suits_short_queue(is_short_, bytes_per_second, *info), info->mss);
}

void ShortQueue::shorten(bool is_short, std::uint32_t mss) {
  packet_bytes_ = one_packet_bytes(mss, kJoinedBytes);
  if (is_short == is_short_ || packet_bytes_ == 0) return;
  // Another packet may wait, so that there is one whenever we are late.
  if (kernel::limit_unsent(fd_, is_short ? static_cast<int>(packet_bytes_) : 0)) is_short_ = is_short;
}

}  // namespace isotach::nettest
