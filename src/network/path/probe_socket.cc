#include "network/path/probe_socket.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "base/clock.h"
#include "network/path/estimate.h"
#include "network/path/urgent.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace isotach::path {
namespace {

constexpr std::size_t kAtOnce = 32;
constexpr std::size_t kMostBytes = 9216;
constexpr std::size_t kMostTrainBytes = 65'000;
constexpr std::size_t kMostSegments = 64;
// A sleep may end so much late; the rest is spun away.
constexpr std::int64_t kSpinNs = 80'000;

// Until that time: sleeps, then spins.
void wait_until(std::int64_t due_ns) {
  while (true) {
    const std::int64_t left_ns = due_ns - wall_ns();
    if (left_ns <= 0) return;
    if (left_ns <= kSpinNs) continue;
    const timespec limit{(left_ns - kSpinNs) / kNanosecondsPerSecond,
                         (left_ns - kSpinNs) % kNanosecondsPerSecond};
    static_cast<void>(::ppoll(nullptr, 0, &limit, nullptr));
  }
}

}  // namespace

std::int64_t wall_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * kNanosecondsPerSecond + time.tv_nsec;
}

Result<ProbeSocket> ProbeSocket::open(const kernel::SocketAddress& local, std::uint64_t receive_bytes) {
  auto fd = kernel::bind_udp(local);
  if (!fd) return tl::make_unexpected(std::move(fd.error()));
  const int on = 1;
  if (::setsockopt(fd->get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0)
    return system_failure(errno, "ask for receive stamps");
  ::setsockopt(fd->get(), SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  kernel::enlarge_receive_buffer(fd->get(), receive_bytes);
  kernel::tell_type_of_service(fd->get(), local.is_v6());
  return ProbeSocket(std::move(*fd), local.is_v6());
}

Result<void> ProbeSocket::connect(const kernel::SocketAddress& peer) {
  if (::connect(fd_.get(), peer.get(), peer.size) != 0)
    return system_failure(errno, "send probes to " + peer.text());
  return {};
}

std::uint16_t ProbeSocket::port() const {
  return kernel::local_address(fd_.get()).port();
}

void ProbeSocket::probe_path_mtu() {
  const int probe = v6_ ? IPV6_PMTUDISC_PROBE : IP_PMTUDISC_PROBE;
  ::setsockopt(fd_.get(), v6_ ? int{IPPROTO_IPV6} : int{IPPROTO_IP},
               v6_ ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &probe, sizeof probe);
}

bool ProbeSocket::send(const Probe& probe, std::size_t size) {
  std::array<std::uint8_t, kMostBytes> buffer{};
  write_probe(probe, buffer.data());
  return ::send(fd_.get(), buffer.data(), std::clamp(size, kProbeBytes, kMostBytes), MSG_DONTWAIT) > 0;
}

bool ProbeSocket::send_stamped(const std::uint8_t* bytes, std::size_t size, std::uint16_t segment_bytes,
                               std::size_t first, std::size_t end) {
  SendControl control;
  stamps_.ask(control);
  if (segment_bytes > 0) control.add(SOL_UDP, UDP_SEGMENT, segment_bytes);
  iovec piece{const_cast<std::uint8_t*>(bytes), size};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  control.give_to(message);
  if (::sendmsg(fd_.get(), &message, 0) < 0) return false;
  stamps_.sent(first, end);
  return true;
}

bool ProbeSocket::send_train(const ProbeStream& stream, std::uint32_t first, std::uint32_t end,
                             std::uint64_t token, std::vector<std::int64_t>& sent) {
  const std::size_t most = std::min(kMostSegments, kMostTrainBytes / stream.size);
  std::vector<std::uint8_t> bytes(stream.size * std::min<std::size_t>(most, end - first));
  while (first < end) {
    const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(most, end - first));
    const std::int64_t now = wall_ns();
    for (std::uint32_t i = 0; i < count; ++i)
      write_probe({ProbeKind::probe, 0, token, stream.stream, stream.first + first + i, now, 0, 0},
                  bytes.data() + i * stream.size);
    const std::size_t at = sent.size();
    const std::int64_t left = wall_ns();
    // Of a paced stream they stand for packets that would have left evenly.
    for (std::uint32_t i = 0; i < count; ++i)
      sent.push_back(left + static_cast<std::int64_t>(i * stream.gap_ns));
    if (!send_stamped(bytes.data(), stream.size * count, static_cast<std::uint16_t>(stream.size), at,
                      sent.size())) {
      sent.resize(at);
      return false;
    }
    first += count;
  }
  return true;
}

Result<void> ProbeSocket::send_one(const ProbeStream& stream, std::uint32_t number, std::uint64_t token,
                                   std::vector<std::int64_t>& sent) {
  std::array<std::uint8_t, kMostBytes> buffer{};
  const Probe probe{ProbeKind::probe, 0, token, stream.stream, stream.first + number, wall_ns(), 0, 0};
  write_probe(probe, buffer.data());
  sent.push_back(probe.sent_ns);
  if (!send_stamped(buffer.data(), std::clamp(stream.size, kProbeBytes, kMostBytes), 0, sent.size() - 1,
                    sent.size()) &&
      errno != ENOBUFS && errno != EAGAIN)
    return system_failure(errno, "send a probe");
  return {};
}

Result<std::vector<std::int64_t>> ProbeSocket::send_stream(const ProbeStream& stream, std::uint64_t token) {
  // Calls that follow each other faster than that would not be even.
  constexpr double kCallNs = 40'000;
  const bool is_train = stream.gap_ns <= 0;
  const auto at_once =
      is_train ? stream.count
               : static_cast<std::uint32_t>(std::max(1.0, std::ceil(kCallNs / stream.gap_ns / 2)));
  const Urgent urgent;
  std::vector<std::int64_t> sent;
  sent.reserve(stream.count);
  stamps_.begin(fd_.get());
  std::int64_t start_ns = wall_ns() + (is_train ? 0 : kSpinNs);
  const double even_ns = evenness_ns(stream.gap_ns, stream.count);
  while (sent.size() < stream.count) {
    const auto first = static_cast<std::uint32_t>(sent.size());
    const std::uint32_t end = std::min(stream.count, first + at_once);
    if (!is_train) {
      const std::int64_t due_ns = start_ns + static_cast<std::int64_t>(first * stream.gap_ns);
      wait_until(due_ns);
      // Who was held up for long sends the rest later: hurrying would fill a queue that says nothing of
      // others.
      const std::int64_t late_ns = wall_ns() - due_ns;
      if (static_cast<double>(late_ns) > even_ns / 2) start_ns += late_ns;
    }
    if (at_once > 1 && offload_) {
      if (send_train(stream, first, end, token, sent)) continue;
      if (errno != EMSGSIZE) offload_ = false;  // the interface cannot: one by one is the next best
    }
    if (auto done = send_one(stream, first, token, sent); !done)
      return tl::make_unexpected(std::move(done.error()));
  }
  stamps_.take(fd_.get(), sent);
  return sent;
}

Result<std::vector<std::int64_t>> ProbeSocket::send_trains(ProbeStream stream, std::uint32_t trains,
                                                           double rest_ns, std::uint64_t token,
                                                           const std::function<bool()>& goes_on) {
  std::vector<std::int64_t> all;
  for (std::uint32_t i = 0; i < trains && goes_on(); ++i) {
    if (i > 0) wait_until(wall_ns() + static_cast<std::int64_t>(rest_ns));
    const auto sent = send_stream(stream, token);
    if (!sent) return tl::make_unexpected(sent.error());
    all.insert(all.end(), sent->begin(), sent->end());
    stream.first += stream.count;
  }
  return all;
}

void ProbeSocket::rest() {
  constexpr timespec kRest{0, 300'000};
  static_cast<void>(::ppoll(nullptr, 0, &kRest, nullptr));
}

void ProbeSocket::clear_error() {
  stamps_.drop_late(fd_.get());
  static_cast<void>(kernel::connection_error(fd_.get()));
}

std::uint32_t ProbeSocket::dropped() const {
  // What comes with packets is told with the next one only, and after the last there is none.
  std::array<std::uint32_t, SK_MEMINFO_VARS> numbers{};
  socklen_t size = sizeof numbers;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_MEMINFO, numbers.data(), &size) == 0 &&
      size > SK_MEMINFO_DROPS * sizeof(std::uint32_t))
    return std::max(dropped_, numbers[SK_MEMINFO_DROPS]);
  return dropped_;
}

void ProbeSocket::receive(const std::function<void(const ReceivedProbe&)>& each) {
  struct Slot {
    std::array<std::uint8_t, 128> bytes;
    alignas(cmsghdr) std::array<char, 192> control;
  };
  thread_local std::array<Slot, kAtOnce> slots;
  stamps_.drop_late(fd_.get());
  std::array<mmsghdr, kAtOnce> messages{};
  std::array<iovec, kAtOnce> pieces{};
  while (true) {
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      pieces[i] = {slots[i].bytes.data(), slots[i].bytes.size()};
      messages[i].msg_hdr = {};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_control = slots[i].control.data();
      messages[i].msg_hdr.msg_controllen = slots[i].control.size();
    }
    const int got = ::recvmmsg(fd_.get(), messages.data(), kAtOnce, MSG_DONTWAIT | MSG_TRUNC, nullptr);
    if (got <= 0) return;
    for (int i = 0; i < got; ++i) {
      const auto at = static_cast<std::size_t>(i);
      ReceivedProbe received;
      received.size = messages[at].msg_len;
      msghdr& head = messages[at].msg_hdr;
      for (cmsghdr* part = CMSG_FIRSTHDR(&head); part != nullptr; part = CMSG_NXTHDR(&head, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
          timespec time{};
          std::memcpy(&time, CMSG_DATA(part), sizeof time);
          received.stamp_ns = time.tv_sec * kNanosecondsPerSecond + time.tv_nsec;
        }
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_RXQ_OVFL)
          std::memcpy(&dropped_, CMSG_DATA(part), sizeof dropped_);
        if ((part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_TOS) ||
            (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_TCLASS))
          received.tos = *reinterpret_cast<const std::uint8_t*>(CMSG_DATA(part));
      }
      const auto probe =
          read_probe(slots[at].bytes.data(), std::min<std::size_t>(received.size, slots[at].bytes.size()));
      if (!probe) continue;
      received.probe = *probe;
      each(received);
    }
    if (got < static_cast<int>(kAtOnce)) return;
  }
}

}  // namespace isotach::path
