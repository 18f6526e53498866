#include "network/path/hops.h"

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "network/path/estimate.h"
#include "network/path/probe_socket.h"

namespace isotach::path {
namespace {

// Both larger than what a router quotes in its answer, so that answers are of one size.
constexpr std::array<std::size_t, 2> kWireBytes = {640, 1400};
constexpr std::int64_t kSpacingNs = 3'000'000;  // so that probes of a round do not queue behind each other
constexpr std::int64_t kLeastPatienceNs = 100'000'000;
constexpr std::uint16_t kFirstUdpPort = 33'434;
constexpr std::size_t kIcmpHead = 8;

struct Answer {
  std::string address;
  double rtt_ns = 0;
  bool from_target = false;
};

// One probe under way, with a socket of its own: the kernel tells errors to whom they belong.
class HopSocket {
 public:
  static Result<HopSocket> open(const kernel::SocketAddress& target, HopProbe kind, int hop) {
    const bool v6 = target.is_v6();
    const int family = v6 ? AF_INET6 : AF_INET;
    int type = SOCK_DGRAM;
    int protocol = 0;
    if (kind == HopProbe::icmp) protocol = v6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP};
    if (kind == HopProbe::tcp) type = SOCK_STREAM;
    Fd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
    bool raw = false;
    if (!fd.is_open() && kind == HopProbe::icmp) {
      fd = Fd(::socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
      raw = true;
    }
    if (!fd.is_open())
      return system_failure(errno, "open a socket for probes",
                            "it needs CAP_NET_RAW: run it as root, or choose --probe udp");
    const int on = 1;
    const int level = v6 ? int{IPPROTO_IPV6} : int{IPPROTO_IP};
    ::setsockopt(fd.get(), level, v6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof on);
    ::setsockopt(fd.get(), level, v6 ? IPV6_UNICAST_HOPS : IP_TTL, &hop, sizeof hop);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    return HopSocket(std::move(fd), target, kind, raw);
  }

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool waits_to_write() const { return kind_ == HopProbe::tcp; }

  void send(std::size_t wire_bytes, std::uint16_t sequence) {
    const std::size_t head = target_.is_v6() ? 40 : 20;
    std::array<std::uint8_t, 1500> bytes{};
    const std::size_t size = wire_bytes - head - kIcmpHead;
    kernel::SocketAddress to = target_;
    sequence_ = sequence;
    if (kind_ == HopProbe::udp) to.set_port(static_cast<std::uint16_t>(kFirstUdpPort + sequence % 512));
    sent_ns_ = wall_ns();
    if (kind_ == HopProbe::tcp) {
      static_cast<void>(!::connect(fd_.get(), to.get(), to.size));
      return;
    }
    if (kind_ == HopProbe::icmp) {
      bytes[0] = target_.is_v6() ? 128 : 8;
      bytes[4] = static_cast<std::uint8_t>(fd_.get());
      bytes[6] = static_cast<std::uint8_t>(sequence >> 8);
      bytes[7] = static_cast<std::uint8_t>(sequence);
      if (raw_ && !target_.is_v6()) put_sum(bytes.data(), size + kIcmpHead);
      to.set_port(0);
    }
    const std::size_t length = kind_ == HopProbe::icmp ? size + kIcmpHead : size;
    static_cast<void>(!::sendto(fd_.get(), bytes.data(), length, 0, to.get(), to.size));
  }

  // What has come; nothing yet, or nothing of ours.
  std::optional<Answer> take() {
    if (auto error = read(true)) return error;
    if (kind_ == HopProbe::tcp) {
      pollfd state{fd_.get(), POLLOUT, 0};
      if (::poll(&state, 1, 0) <= 0) return std::nullopt;
      const int error = kernel::connection_error(fd_.get());
      if (error == 0 || error == ECONNREFUSED || error == ECONNRESET)
        return Answer{target_.host(), static_cast<double>(wall_ns() - sent_ns_), true};
      return std::nullopt;
    }
    return read(false);
  }

 private:
  HopSocket(Fd fd, const kernel::SocketAddress& target, HopProbe kind, bool raw)
      : fd_(std::move(fd)), target_(target), kind_(kind), raw_(raw) {}

  static void put_sum(std::uint8_t* bytes, std::size_t size) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < size; i += 2)
      sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    bytes[2] = static_cast<std::uint8_t>(~sum >> 8);
    bytes[3] = static_cast<std::uint8_t>(~sum);
  }

  std::optional<Answer> read(bool errors) {
    std::array<std::uint8_t, 256> bytes{};
    alignas(cmsghdr) std::array<char, 512> control{};
    kernel::SocketAddress from;
    iovec piece{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_name = &from.storage;
    message.msg_namelen = sizeof from.storage;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(fd_.get(), &message, MSG_DONTWAIT | (errors ? MSG_ERRQUEUE : 0)) < 0) return std::nullopt;
    from.size = message.msg_namelen;
    Answer answer;
    answer.rtt_ns = static_cast<double>(wall_ns() - sent_ns_);
    bool told = false;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
      if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
        timespec time{};
        std::memcpy(&time, CMSG_DATA(part), sizeof time);
        const std::int64_t stamp_ns = time.tv_sec * kNanosecondsPerSecond + time.tv_nsec;
        if (stamp_ns > sent_ns_) answer.rtt_ns = static_cast<double>(stamp_ns - sent_ns_);
      }
      const bool is_error = (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR) ||
                            (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR);
      if (is_error) told = take_error(part, answer);
    }
    // A raw socket hears what belongs to others too.
    if (errors) return told && is_quoted(bytes.data()) ? std::optional<Answer>(answer) : std::nullopt;
    if (!is_echo_reply(bytes.data())) return std::nullopt;
    answer.address = from.host();
    answer.from_target = true;
    return answer;
  }

  [[nodiscard]] bool is_echo_reply(const std::uint8_t* bytes) const {
    if (kind_ != HopProbe::icmp) return false;
    const std::uint8_t* icmp = raw_ && !target_.is_v6() ? bytes + (bytes[0] & 15) * 4 : bytes;
    return icmp[0] == (target_.is_v6() ? 129 : 0) && (icmp[6] << 8 | icmp[7]) == sequence_;
  }

  // The packet that an error is about begins with our ICMP head.
  [[nodiscard]] bool is_quoted(const std::uint8_t* bytes) const {
    if (kind_ != HopProbe::icmp) return true;
    return bytes[0] == (target_.is_v6() ? 128 : 8) && (bytes[6] << 8 | bytes[7]) == sequence_;
  }

  bool take_error(cmsghdr* part, Answer& answer) const {
    sock_extended_err error{};
    std::memcpy(&error, CMSG_DATA(part), sizeof error);
    if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6) return false;
    kernel::SocketAddress offender;
    offender.size = target_.size;
    const std::size_t room = part->cmsg_len - CMSG_LEN(sizeof error);
    std::memcpy(&offender.storage, CMSG_DATA(part) + sizeof error,
                std::min<std::size_t>(room, offender.size));
    answer.address = offender.host();
    answer.from_target = offender.host() == target_.host();
    return true;
  }

  Fd fd_;
  kernel::SocketAddress target_;
  HopProbe kind_;
  bool raw_;
  std::uint16_t sequence_ = 0;
  std::int64_t sent_ns_ = 0;
};

class Tracer {
 public:
  Tracer(const kernel::SocketAddress& target, const HopOptions& options, SignalWaiter& waiter)
      : target_(target), options_(options), waiter_(waiter), patience_ns_(options.patience_ns) {
    report_.target = target;
    report_.target.set_port(0);
    if (options.probe == HopProbe::tcp) target_.set_port(options.port);
    for (int i = 1; i <= options.most_hops; ++i) {
      report_.hops.push_back({});
      report_.hops.back().number = i;
    }
    times_.resize(report_.hops.size());
  }

  Result<HopReport> run(const std::function<void(const Hop&)>& tell) {
    for (int round = 0; round < options_.rounds && !waiter_.interrupted(); ++round) {
      for (std::size_t size = 0; size < kWireBytes.size(); ++size)
        if (auto done = one_round(size); !done) return tl::make_unexpected(std::move(done.error()));
      if (round == 0) settle_length();
    }
    finish();
    for (const Hop& hop : report_.hops) tell(hop);
    return std::move(report_);
  }

 private:
  Result<void> one_round(std::size_t size) {
    std::vector<HopSocket> sockets;
    for (const Hop& hop : report_.hops) {
      auto opened = HopSocket::open(target_, options_.probe, hop.number);
      if (!opened) return tl::make_unexpected(std::move(opened.error()));
      sockets.push_back(std::move(*opened));
    }
    std::vector<bool> answered(sockets.size(), false);
    std::size_t left = sockets.size();
    const auto collect = [&](std::int64_t until_ns) {
      while (left > 0 && !waiter_.interrupted()) {
        const std::int64_t wait_ns = until_ns - wall_ns();
        std::vector<pollfd> watched;
        for (std::size_t i = 0; i < sockets.size(); ++i) {
          const short wanted = sockets[i].waits_to_write() ? POLLOUT : POLLIN;
          watched.push_back({answered[i] ? -1 : sockets[i].fd(), wanted, 0});
        }
        const timespec limit{std::max<std::int64_t>(0, wait_ns) / kNanosecondsPerSecond,
                             std::max<std::int64_t>(0, wait_ns) % kNanosecondsPerSecond};
        const int ready = ::ppoll(watched.data(), watched.size(), &limit, nullptr);
        for (std::size_t i = 0; ready > 0 && i < sockets.size(); ++i) {
          if (watched[i].fd < 0 || watched[i].revents == 0) continue;
          const auto answer = sockets[i].take();
          if (!answer) continue;
          answered[i] = true;
          --left;
          note(i, size, *answer);
        }
        if (wall_ns() >= until_ns) return;
      }
    };
    for (std::size_t i = 0; i < sockets.size() && !waiter_.interrupted(); ++i) {
      const std::int64_t next_ns = wall_ns() + kSpacingNs;
      sockets[i].send(kWireBytes[size], ++sequence_);
      ++report_.hops[i].sent;
      if (options_.probe != HopProbe::tcp) collect(next_ns);
    }
    collect(wall_ns() + patience_ns_);
    return {};
  }

  void note(std::size_t at, std::size_t size, const Answer& answer) {
    Hop& hop = report_.hops[at];
    ++hop.answered;
    if (hop.address.empty()) hop.address = answer.address;
    hop.is_target = hop.is_target || answer.from_target;
    times_[at][size].push_back(answer.rtt_ns);
  }

  // After the first round it is known how long the path is, and how long answers take.
  void settle_length() {
    double longest_ns = 0;
    std::size_t last = 0;
    for (std::size_t i = 0; i < report_.hops.size(); ++i) {
      if (report_.hops[i].answered > 0) last = i;
      for (const auto& sized : times_[i])
        for (const double time : sized) longest_ns = std::max(longest_ns, time);
      if (!report_.hops[i].is_target) continue;
      last = i;
      break;
    }
    report_.hops.resize(last + 1);
    times_.resize(last + 1);
    patience_ns_ =
        std::clamp(static_cast<std::int64_t>(longest_ns * 3), kLeastPatienceNs, options_.patience_ns);
  }

  void finish() {
    std::vector<std::vector<SizedRtt>> least(report_.hops.size());
    double before_ns = 0;
    for (std::size_t i = 0; i < report_.hops.size(); ++i) {
      Hop& hop = report_.hops[i];
      report_.reached = report_.reached || hop.is_target;
      for (std::size_t size = 0; size < kWireBytes.size(); ++size) {
        std::vector<double>& sorted = times_[i][size];
        std::sort(sorted.begin(), sorted.end());
        if (sorted.size() >= 4)
          least[i].push_back({static_cast<double>(kWireBytes[size]), sorted[0], sorted[1] - sorted[0]});
      }
      const std::vector<double>& small = times_[i][0];
      if (small.empty()) continue;
      hop.rtt_min_ns = small.front();
      hop.rtt_p50_ns = quantile(small, 0.5);
      hop.rtt_p90_ns = quantile(small, 0.9);
      const double waited_ns = hop.rtt_p50_ns - hop.rtt_min_ns;
      hop.queueing_ns = std::max(0.0, waited_ns - before_ns);
      before_ns = waited_ns;
    }
    // An echo comes back as large as it went: it tells of both ways at once.
    if (options_.probe == HopProbe::icmp && report_.reached) least.back().clear();
    judge_links(report_.hops, least);
  }

  kernel::SocketAddress target_;
  const HopOptions& options_;
  SignalWaiter& waiter_;
  std::int64_t patience_ns_;
  HopReport report_;
  std::vector<std::array<std::vector<double>, kWireBytes.size()>> times_;
  std::uint16_t sequence_ = 0;
};

}  // namespace

void judge_links(std::vector<Hop>& hops, const std::vector<std::vector<SizedRtt>>& least) {
  double before = 0;  // ns a byte, up to the hop before
  double before_error = 0;
  bool known = true;  // hops before that did not answer leave a link of several
  for (std::size_t i = 0; i < hops.size(); ++i) {
    const std::vector<SizedRtt>& sizes = least[i];
    if (sizes.size() < 2) {
      known = known && hops[i].answered > 0;
      continue;
    }
    const double bytes = sizes[1].wire_bytes - sizes[0].wire_bytes;
    const double slope = (sizes[1].rtt_ns - sizes[0].rtt_ns) / bytes;
    const double error = (sizes[0].error_ns + sizes[1].error_ns) / bytes;
    const double link = slope - before;
    const double link_error = error + before_error;
    if (known && link > 0 && link_error < link) {
      hops[i].link_bps = 8e9 / link;
      hops[i].link_low_bps = 8e9 / (link + link_error);
      hops[i].link_high_bps = 8e9 / (link - link_error);
    }
    before = std::max(before, slope);
    before_error = error;
  }
}

Result<HopReport> trace_hops(const kernel::SocketAddress& target, const HopOptions& options,
                             SignalWaiter& waiter, const std::function<void(const Hop&)>& tell) {
  return Tracer(target, options, waiter).run(tell);
}

}  // namespace isotach::path
