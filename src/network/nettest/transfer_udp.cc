#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "network/nettest/datagram.h"
#include "network/nettest/pacer.h"
#include "network/nettest/transfer.h"

namespace isotach::nettest {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// linux/udp.h: UDP_MAX_SEGMENTS was 64 before 6.9; and what one call may hold.
constexpr std::size_t kMostSegments = 64;
constexpr std::size_t kMostJoinedBytes = 65000;
constexpr int kHeadersV4 = 28;
constexpr int kHeadersV6 = 48;
// Shorter distances than this cannot be waited for: datagrams then go out in groups.
constexpr double kShortestGapNs = 50'000;

class UdpSender final : public Transfer {
 public:
  UdpSender(Fd fd, const DataPlan& plan, TransferControl& control)
      : Transfer(std::move(fd)), control_(control), length_(plan.length), counters_64_(plan.counters_64) {
    if (plan.rate_bps > 0) {
      const double gap_ns = static_cast<double>(length_) * 8e9 / static_cast<double>(plan.rate_bps);
      group_ = plan.burst > 0 ? static_cast<std::size_t>(plan.burst)
                              : static_cast<std::size_t>(std::max(1.0, std::ceil(kShortestGapNs / gap_ns)));
      gap_ns_ = gap_ns * static_cast<double>(group_);
      meter_.emplace(gap_ns);
    }
    const bool v6 = kernel::local_address(fd_.get()).is_v6();
    const int path_mtu = kernel::path_mtu_of(fd_.get(), v6);
    const bool fits = static_cast<int>(length_) + (v6 ? kHeadersV6 : kHeadersV4) <= path_mtu;
    const std::size_t room = std::min(kMostSegments, kMostJoinedBytes / length_);
    if (plan.segment_offload && fits && room > 1) segments_ = gap_ns_ > 0 ? std::min(room, group_) : room;
    buffer_.assign(segments_ * length_, 'i');
  }

  Step step(bool may_wait) override {
    if (gap_ns_ > 0 && !pacer_) pacer_.emplace(monotonic_ns(), gap_ns_);
    std::size_t segments = gap_ns_ > 0 ? std::min(segments_, group_ - sent_of_group_) : segments_;
    std::int64_t reserved = 0;
    if (control_.limited.load(kRelaxed)) {
      reserved = static_cast<std::int64_t>(segments * length_);
      const std::int64_t left = control_.bytes_left.fetch_sub(reserved, kRelaxed);
      if (left <= 0) return Step::ended;
      segments = std::min(segments, (static_cast<std::size_t>(left) + length_ - 1) / length_);
    }
    const std::int64_t now_ns = monotonic_ns();
    for (std::size_t i = 0; i < segments; ++i)
      write_head(std::span(buffer_).subspan(i * length_), {now_ns / 1000, number_ + i + 1}, counters_64_);
    if (send(segments, may_wait)) {
      if (meter_) meter_->add(timing_, now_ns, segments);
      number_ += segments;
      counters_.bytes.fetch_add(segments * length_, kRelaxed);
      counters_.packets.store(number_, kRelaxed);
      counters_.calls.fetch_add(1, kRelaxed);
      if (pacer_) pace(segments);
      return Step::moved;
    }
    const int error = errno;
    if (reserved != 0) control_.bytes_left.fetch_add(reserved, kRelaxed);
    if (error == EAGAIN || error == EINTR || error == ENOBUFS) return Step::waits;
    if (segments_ > 1 && (error == EINVAL || error == EMSGSIZE || error == EIO)) {
      segments_ = 1;  // this path or device cannot
      return Step::moved;
    }
    return end(error);
  }

  [[nodiscard]] std::int64_t due_ns() const override {
    return pacer_ && sent_of_group_ == 0 ? pacer_->due_ns() : 0;
  }
  [[nodiscard]] bool hurries() const override { return pacer_ && pacer_->catches_up(); }
  [[nodiscard]] bool is_sender() const override { return true; }
  [[nodiscard]] const DatagramTiming* timing() const override { return meter_ ? &timing_ : nullptr; }
  void stopped() override {
    timing_.late = counters_.late.load(kRelaxed);
    timing_.never_sent = counters_.skipped.load(kRelaxed);
  }
  [[nodiscard]] int pieces_a_burst() const override { return gap_ns_ > 0 ? static_cast<int>(group_) : 0; }

 private:
  bool send(std::size_t segments, bool may_wait) {
    const int flags = MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT);
    if (segments == 1) return ::send(fd(), buffer_.data(), length_, flags) >= 0;
    iovec piece = {buffer_.data(), segments * length_};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(std::uint16_t))] = {};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    const auto size = static_cast<std::uint16_t>(length_);
    std::memcpy(CMSG_DATA(header), &size, sizeof size);
    return ::sendmsg(fd(), &message, flags) >= 0;
  }

  void pace(std::size_t segments) {
    sent_of_group_ += segments;
    if (sent_of_group_ < group_) return;
    sent_of_group_ = 0;
    pacer_->sent(monotonic_ns());
    counters_.late.store(pacer_->late() * group_, kRelaxed);
    counters_.skipped.store(pacer_->skipped() * group_, kRelaxed);
  }

  TransferControl& control_;
  std::size_t length_;
  bool counters_64_;
  std::size_t segments_ = 1;  // a call
  std::size_t group_ = 1;     // datagrams that are due together
  std::size_t sent_of_group_ = 0;
  double gap_ns_ = 0;
  std::uint64_t number_ = 0;
  std::vector<char> buffer_;
  std::optional<Pacer> pacer_;
  std::optional<GapMeter> meter_;
  DatagramTiming timing_;
};

class UdpReceiver final : public Transfer {
 public:
  UdpReceiver(Fd fd, const DataPlan& plan)
      : Transfer(std::move(fd)), counters_64_(plan.counters_64), length_(plan.length), buffer_(kBufferBytes) {
    kernel::tell_type_of_service(fd_.get(), kernel::local_address(fd_.get()).is_v6());
    kernel::join_datagrams(fd_.get());
    if (plan.rate_bps == 0) return;
    meter_.emplace(static_cast<double>(plan.length) * 8e9 / static_cast<double>(plan.rate_bps));
    // When it came is to be known, not when we had a processor.
    const int on = 1;
    if (::setsockopt(fd_.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0) {
      timespec wall{};
      ::clock_gettime(CLOCK_REALTIME, &wall);
      wall_ahead_ns_ = wall.tv_sec * kNanosecondsPerSecond + wall.tv_nsec - monotonic_ns();
    }
  }

  Step step(bool may_wait) override {
    iovec piece = {buffer_.data(), buffer_.size()};
    alignas(cmsghdr) char control[kControlBytes];
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = ::recvmsg(fd(), &message, may_wait ? 0 : MSG_DONTWAIT);
    if (got < 0) {
      // The peer closed its socket, perhaps only after it has sent everything: no reason to stop listening.
      if (errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED) return Step::waits;
      return end(errno);
    }
    const auto total = static_cast<std::size_t>(got);
    std::int64_t now_ns = monotonic_ns();
    std::size_t segment = read_control(message, total, now_ns);
    if (segment == 0) segment = std::max<std::size_t>(total, 1);
    std::uint64_t bytes = 0;
    for (std::size_t at = 0; at < total; at += segment)
      bytes += take({buffer_.data() + at, std::min(segment, total - at)}, now_ns);
    if (bytes == 0) return Step::moved;
    if (meter_) meter_->add(timing_, now_ns, (total + segment - 1) / segment);
    counters_.bytes.fetch_add(bytes, kRelaxed);
    counters_.calls.fetch_add(1, kRelaxed);
    publish(now_ns);
    return Step::moved;
  }

  [[nodiscard]] bool is_sender() const override { return false; }
  [[nodiscard]] const DatagramTiming* timing() const override { return meter_ ? &timing_ : nullptr; }
  void stopped() override { timing_.delay_variation_ns = variation_.values(); }

 private:
  static constexpr std::size_t kBufferBytes = 65536;
  static constexpr std::size_t kControlBytes = 2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(timespec));

  // Returns the bytes that count.
  std::uint64_t take(std::string_view datagram, std::int64_t now_ns) {
    // Its first answer was lost.
    if (datagram.size() != length_ && datagram.starts_with(kUdpHello) &&
        (datagram.size() == kUdpHello.size() || datagram.size() == kUdpHello.size() + kCookieBytes)) {
      static_cast<void>(
          ::send(fd(), kUdpHelloReply.data(), kUdpHelloReply.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
      return 0;
    }
    const auto head = read_head(datagram, counters_64_);
    if (!head) return 0;
    const std::uint64_t before = arrivals_.received();
    arrivals_.add(*head, now_ns / 1000);
    if (arrivals_.received() == before) return 0;
    if (meter_) variation_.add(now_ns - head->sent_us * 1000);
    return datagram.size();
  }

  // Notes the type of service, and when it came; returns the size of each datagram where several were joined.
  std::size_t read_control(msghdr& message, std::size_t total, std::int64_t& arrived_ns) {
    std::size_t segment = total;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level == IPPROTO_UDP && header->cmsg_type == UDP_GRO) {
        int size = 0;
        std::memcpy(&size, CMSG_DATA(header), sizeof size);
        if (size > 0) segment = static_cast<std::size_t>(size);
      } else if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_TIMESTAMPNS) {
        timespec wall{};
        std::memcpy(&wall, CMSG_DATA(header), sizeof wall);
        arrived_ns = wall.tv_sec * kNanosecondsPerSecond + wall.tv_nsec - wall_ahead_ns_;
      } else if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TOS) {
        counters_.tos.store(*CMSG_DATA(header), kRelaxed);
      } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_TCLASS) {
        int tos = 0;
        std::memcpy(&tos, CMSG_DATA(header), sizeof tos);
        counters_.tos.store(tos, kRelaxed);
      }
    }
    return segment;
  }

  void publish(std::int64_t now_ns) {
    counters_.packets.store(arrivals_.received(), kRelaxed);
    counters_.highest.store(arrivals_.highest(), kRelaxed);
    counters_.lost.store(arrivals_.lost(), kRelaxed);
    counters_.out_of_order.store(arrivals_.out_of_order(), kRelaxed);
    counters_.duplicates.store(arrivals_.duplicates(), kRelaxed);
    counters_.jitter_ns.store(static_cast<std::uint64_t>(arrivals_.jitter_us() * 1000), kRelaxed);
    counters_.last_ns.store(now_ns, kRelaxed);
  }

  bool counters_64_;
  std::size_t length_;
  std::vector<char> buffer_;
  Arrivals arrivals_;
  std::int64_t wall_ahead_ns_ = 0;
  std::optional<GapMeter> meter_;
  DelayVariation variation_;
  DatagramTiming timing_;
};

}  // namespace

std::unique_ptr<Transfer> make_udp_sender(Fd fd, const DataPlan& plan, TransferControl& control) {
  return std::make_unique<UdpSender>(std::move(fd), plan, control);
}

std::unique_ptr<Transfer> make_udp_receiver(Fd fd, const DataPlan& plan) {
  return std::make_unique<UdpReceiver>(std::move(fd), plan);
}

}  // namespace isotach::nettest
