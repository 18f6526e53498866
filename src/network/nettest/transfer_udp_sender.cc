// Sends datagrams: as many in a call as are due, joined into one packet for the way through the kernel
// (UDP_SEGMENT) where path and kernel can.
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <span>

#include "base/clock.h"
#include "network/nettest/datagram.h"
#include "network/nettest/pacer.h"
#include "network/nettest/transfer.h"
#include "network/nettest/turns.h"

namespace isotach::nettest {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// linux/udp.h: UDP_MAX_SEGMENTS was 64 before 6.9; and what one call may hold.
constexpr std::size_t kMostSegments = 64;
constexpr std::size_t kMostJoinedBytes = 65000;
// Where each goes its own way, a call takes so many.
constexpr std::size_t kMostMessages = 32;
constexpr std::size_t kMostHandedBytes = std::size_t{128} * 1024;
constexpr int kHeadersV4 = 28;
constexpr int kHeadersV6 = 48;
// Shorter distances than this cannot be waited for: datagrams then go out in groups.
constexpr double kShortestGapNs = 50'000;
// No call takes longer for a datagram unless something interrupts it.
constexpr std::int64_t kLongestApartNs = 20'000;

class UdpSender final : public Transfer {
 public:
  UdpSender(Fd fd, const DataPlan& plan, TransferControl& control)
      : Transfer(std::move(fd)),
        control_(control),
        length_(plan.length),
        counters_64_(plan.counters_64),
        follow_(plan.follow) {
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
    joins_ = plan.segment_offload && fits && room > 1;
    a_call_ = joins_ ? room : std::clamp<std::size_t>(kMostHandedBytes / length_, 1, kMostMessages);
    if (gap_ns_ > 0) a_call_ = std::min(a_call_, group_);
    if (a_call_ == 1) joins_ = false;
    buffer_.assign(a_call_ * length_, 'i');
    tell_engine();
  }

  Step step(bool may_wait) override {
    if (gap_ns_ > 0 && !pacer_) pacer_.emplace(monotonic_ns(), gap_ns_);
    std::size_t count = gap_ns_ > 0 ? std::min(a_call_, group_ - sent_of_group_) : a_call_;
    const bool limited = control_.limited.load(kRelaxed);
    if (limited) {
      const auto wanted = static_cast<std::int64_t>(count * length_);
      const std::int64_t left = control_.bytes_left.fetch_sub(wanted, kRelaxed);
      if (left <= 0) return Step::ended;
      count = std::min(count, (static_cast<std::size_t>(left) + length_ - 1) / length_);
    }
    const std::int64_t now_ns = monotonic_ns();
    for (std::size_t i = 0; i < count; ++i)
      write_head(std::span(buffer_).subspan(i * length_),
                 {(now_ns + static_cast<std::int64_t>(i) * apart_ns_) / 1000, number_ + i + 1}, counters_64_);
    const std::size_t sent = joins_ ? send_joined(count, may_wait) : send_each(count, may_wait);
    const int error = errno;
    // What was reserved and did not go out.
    if (limited && sent < count)
      control_.bytes_left.fetch_add(static_cast<std::int64_t>((count - sent) * length_), kRelaxed);
    if (sent > 0) {
      count_sent(sent, now_ns);
      if (follow_ && joins_) turns_.called(monotonic_ns);
      return Step::moved;
    }
    if (error == EAGAIN || error == EINTR || error == ENOBUFS) return Step::waits;
    if (joins_ && (error == EINVAL || error == EMSGSIZE || error == EIO)) {
      joins_ = false;  // this path or device cannot
      tell_engine();
      return Step::moved;
    }
    return end(error);
  }

  [[nodiscard]] std::int64_t due_ns() const override {
    return pacer_ && sent_of_group_ == 0 ? pacer_->due_ns() : 0;
  }
  [[nodiscard]] bool hurries() const override { return pacer_ && pacer_->catches_up(); }
  [[nodiscard]] bool is_sender() const override { return true; }
  [[nodiscard]] bool may_be_seated() const override { return follow_; }
  [[nodiscard]] const DatagramTiming* timing() const override { return meter_ ? &timing_ : nullptr; }
  void stopped() override {
    timing_.late = counters_.late.load(kRelaxed);
    timing_.never_sent = counters_.skipped.load(kRelaxed);
  }
  [[nodiscard]] int pieces_a_burst() const override { return gap_ns_ > 0 ? static_cast<int>(group_) : 0; }

 private:
  // Both return how many went out; 0, with errno, where none did.
  std::size_t send_joined(std::size_t count, bool may_wait) {
    iovec piece = {buffer_.data(), count * length_};
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
    return ::sendmsg(fd(), &message, flags(may_wait)) >= 0 ? count : 0;
  }
  std::size_t send_each(std::size_t count, bool may_wait) {
    if (count == 1) return ::send(fd(), buffer_.data(), length_, flags(may_wait)) >= 0 ? 1 : 0;
    std::array<iovec, kMostMessages> pieces;
    std::array<mmsghdr, kMostMessages> messages;
    count = std::min(count, kMostMessages);
    for (std::size_t i = 0; i < count; ++i) {
      pieces[i] = {buffer_.data() + i * length_, length_};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = ::sendmmsg(fd(), messages.data(), static_cast<unsigned>(count), flags(may_wait));
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  void tell_engine() { counters_.engine.store(joins_ ? SendEngine::gso : SendEngine::send, kRelaxed); }
  static int flags(bool may_wait) { return MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT); }

  void count_sent(std::size_t sent, std::int64_t now_ns) {
    if (meter_) meter_->add(timing_, now_ns, sent);
    // What goes out one by one is told when it is about to, by what it took the last time.
    if (!joins_ && sent_last_ > 0)
      apart_ns_ = std::min(kLongestApartNs, (now_ns - sent_from_ns_) / static_cast<std::int64_t>(sent_last_));
    sent_from_ns_ = now_ns;
    sent_last_ = sent;
    number_ += sent;
    counters_.bytes.fetch_add(sent * length_, kRelaxed);
    counters_.packets.store(number_, kRelaxed);
    counters_.calls.fetch_add(joins_ ? 1 : sent, kRelaxed);
    if (pacer_) pace(sent);
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
  bool follow_;
  bool joins_ = false;      // those of a call, into one packet for the way through the kernel
  std::size_t a_call_ = 1;  // datagrams
  std::size_t group_ = 1;   // datagrams that are due together
  std::size_t sent_of_group_ = 0;
  double gap_ns_ = 0;
  std::uint64_t number_ = 0;
  std::int64_t apart_ns_ = 0;  // of datagrams that one call sends
  std::int64_t sent_from_ns_ = 0;
  std::size_t sent_last_ = 0;
  std::vector<char> buffer_;
  Turns turns_;
  std::optional<Pacer> pacer_;
  std::optional<GapMeter> meter_;
  DatagramTiming timing_;
};

}  // namespace

std::unique_ptr<Transfer> make_udp_sender(Fd fd, const DataPlan& plan, TransferControl& control) {
  return std::make_unique<UdpSender>(std::move(fd), plan, control);
}

}  // namespace isotach::nettest
