// Receives datagrams, several in a call, and counts them by their numbers.
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string_view>

#include "base/clock.h"
#include "network/nettest/datagram.h"
#include "network/nettest/receive_memory.h"
#include "network/nettest/transfer.h"

namespace isotach::nettest {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// How long it lets datagrams gather that come as fast as they can: those of a link of 10 Gbit/s need 64 KiB.
constexpr std::int64_t kGatherNs = 50'000;

// On the processor of its sender a receiver waits for its turn now and then: what comes meanwhile has to find
// room. The kernel tells twice of what was asked for.
constexpr int kBufferToFollow = 2 * 16 * 1024 * 1024;

// With a real-time policy there would be no turns: the sender would go on until it is stopped.
bool could_follow(int fd) {
  int bytes = 0;
  socklen_t size = sizeof bytes;
  return ::sched_getscheduler(0) == SCHED_OTHER &&
         ::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &size) == 0 && bytes >= kBufferToFollow;
}

class UdpReceiver final : public Transfer {
 public:
  UdpReceiver(Fd fd, const DataPlan& plan)
      : Transfer(std::move(fd)),
        counters_64_(plan.counters_64),
        length_(plan.length),
        follow_(plan.follow && could_follow(fd_.get())),
        gathers_(plan.rate_bps == 0) {
    kernel::tell_type_of_service(fd_.get(), kernel::local_address(fd_.get()).is_v6());
    kernel::join_datagrams(fd_.get());
    if (plan.rate_bps > 0)
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
    char* memory = ReceiveMemory::of_thread(kMostMessages * kBufferStride);
    if (memory == nullptr) return end(errno);
    // Joined ones fill a buffer, and one that is warm costs half of several that are not.
    const unsigned most = joined_ ? 1 : kMostMessages;
    for (unsigned i = 0; i < most; ++i) {
      pieces_[i] = {memory + i * kBufferStride, kBufferBytes};
      msghdr& message = messages_[i].msg_hdr;
      message = {};
      message.msg_iov = &pieces_[i];
      message.msg_iovlen = 1;
      message.msg_control = controls_[i].bytes;
      message.msg_controllen = sizeof controls_[i].bytes;
    }
    const int came = receive(most, may_wait);
    if (came < 0) {
      // The peer closed its socket, perhaps only after it has sent everything: no reason to stop listening.
      if (errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED) return Step::waits;
      return end(errno);
    }
    const std::int64_t now_ns = monotonic_ns();
    for (int i = 0; i < came; ++i) take_message(messages_[static_cast<std::size_t>(i)], now_ns);
    // Whoever sends as fast as it can would wake us for every datagram, and pay for it.
    if (may_wait && gathers_ && !joined_ && static_cast<unsigned>(came) < most) {
      const timespec pause = {0, kGatherNs};
      static_cast<void>(::ppoll(nullptr, 0, &pause, nullptr));
    }
    return Step::moved;
  }

  [[nodiscard]] bool is_sender() const override { return false; }
  [[nodiscard]] bool may_be_seated() const override { return follow_; }
  [[nodiscard]] std::string_view moved_by() const override { return kReceivedByCopy; }
  [[nodiscard]] const DatagramTiming* timing() const override { return meter_ ? &timing_ : nullptr; }
  // It takes turns with its sender, and each lasts as long as there is something to do.
  [[nodiscard]] bool takes_short_turns() const override { return false; }
  void seated(bool with_packets) override { with_sender_ = with_packets; }
  void stopped() override { timing_.delay_variation_ns = variation_.values(); }

 private:
  static constexpr std::size_t kBufferBytes = 65536;
  // Not a power of two: all of them would want the same lines of the cache.
  static constexpr std::size_t kBufferStride = kBufferBytes + 2112;
  static constexpr std::size_t kMostMessages = 32;
  static constexpr int kTurnsToSender = 4;
  static constexpr std::size_t kControlBytes = 2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(timespec));
  struct alignas(cmsghdr) Control {
    char bytes[kControlBytes];
  };

  int receive(unsigned most, bool may_wait) {
    // Whoever sends has its turn on the same processor, and comes back when there is something: sleeping, and
    // being woken, would cost both more.
    for (int turn = 0; may_wait && with_sender_ && joined_ && turn < kTurnsToSender; ++turn) {
      const int came = ::recvmmsg(fd(), messages_.data(), most, MSG_DONTWAIT, nullptr);
      if (came >= 0 || errno != EAGAIN) return came;
      ::sched_yield();
    }
    return ::recvmmsg(fd(), messages_.data(), most, may_wait ? MSG_WAITFORONE : MSG_DONTWAIT, nullptr);
  }

  void take_message(mmsghdr& received, std::int64_t now_ns) {
    const std::size_t total = received.msg_len;
    const char* bytes = static_cast<const char*>(received.msg_hdr.msg_iov->iov_base);
    std::size_t segment = read_control(received.msg_hdr, total, now_ns);
    if (segment == 0) segment = std::max<std::size_t>(total, 1);
    joined_ = segment < total;
    std::uint64_t counted = 0;
    for (std::size_t at = 0; at < total; at += segment)
      counted += take({bytes + at, std::min(segment, total - at)}, now_ns);
    if (counted == 0) return;
    if (meter_) meter_->add(timing_, now_ns, (total + segment - 1) / segment);
    counters_.bytes.fetch_add(counted, kRelaxed);
    counters_.calls.fetch_add(1, kRelaxed);
    publish(now_ns);
  }

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
  bool follow_;
  bool gathers_;              // datagrams come as fast as they can
  bool joined_ = false;       // the last were
  bool with_sender_ = false;  // where packets come in without leaving the machine, that is its processor
  std::array<iovec, kMostMessages> pieces_{};
  std::array<mmsghdr, kMostMessages> messages_{};
  std::array<Control, kMostMessages> controls_{};
  Arrivals arrivals_;
  std::int64_t wall_ahead_ns_ = 0;
  std::optional<GapMeter> meter_;
  DelayVariation variation_;
  DatagramTiming timing_;
};

}  // namespace

std::unique_ptr<Transfer> make_udp_receiver(Fd fd, const DataPlan& plan) {
  return std::make_unique<UdpReceiver>(std::move(fd), plan);
}

}  // namespace isotach::nettest
