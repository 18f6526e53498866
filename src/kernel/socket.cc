#include "kernel/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include "base/clock.h"
#include "base/text.h"

// TCP_* of linux/tcp.h; <netinet/tcp.h> has an older struct tcp_info and cannot stand beside it.
#include <linux/tcp.h>

namespace isotach::kernel {
namespace {

Result<void> set_option(int fd, int level, int option, int value, const std::string& doing) {
  if (::setsockopt(fd, level, option, &value, sizeof value) == 0) return {};
  return system_failure(errno, doing);
}

int option_of(int fd, int level, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, level, option, &value, &size) == 0 ? value : 0;
}

bool is_mapped(const sockaddr_in6& address) {
  return IN6_IS_ADDR_V4MAPPED(&address.sin6_addr);
}

int clamp_to_int(std::uint64_t value) {
  return static_cast<int>(std::min<std::uint64_t>(value, 1u << 30));
}

using NameOf = int (*)(int, sockaddr*, socklen_t*);

SocketAddress address_by(NameOf name_of, int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (name_of(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) return {};
  return address;
}

}  // namespace

std::string SocketAddress::host() const {
  char text[INET6_ADDRSTRLEN] = "?";
  if (is_v6()) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    if (is_mapped(v6)) {
      ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    }
  } else if (storage.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, text, sizeof text);
  }
  return text;
}

std::uint16_t SocketAddress::port() const {
  if (is_v6()) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

void SocketAddress::set_port(std::uint16_t port) {
  if (is_v6()) {
    reinterpret_cast<sockaddr_in6&>(storage).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(storage).sin_port = htons(port);
  }
}

bool SocketAddress::is_loopback() const {
  const std::string text = host();
  return text == "::1" || text.starts_with("127.");
}

std::string SocketAddress::text() const {
  const std::string name = host();
  return name.find(':') == std::string::npos ? fmt::format("{}:{}", name, port())
                                             : fmt::format("[{}]:{}", name, port());
}

Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port, IpFamily family,
                                           bool passive) {
  addrinfo hints{};
  hints.ai_family = family == IpFamily::v4 ? AF_INET : family == IpFamily::v6 ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = passive ? AI_PASSIVE : 0;
  addrinfo* list = nullptr;
  const int error =
      ::getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0)
    return failure(ErrorKind::failed,
                   fmt::format("cannot find the address of '{}': {}", printable(host), ::gai_strerror(error)),
                   family == IpFamily::any ? "" : "without -4 and -6 addresses of both kinds are tried");
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_addrlen > sizeof(sockaddr_storage)) continue;
    SocketAddress address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.size = entry->ai_addrlen;
    addresses.push_back(address);
  }
  ::freeaddrinfo(list);
  return addresses;
}

Result<Fd> new_socket(const SocketAddress& to, Transport transport) {
  const int type = transport == Transport::udp ? SOCK_DGRAM : SOCK_STREAM;
  const int protocol = transport == Transport::mptcp ? IPPROTO_MPTCP : 0;
  Fd fd(::socket(to.storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!fd.is_open() && protocol != 0)
    return system_failure(errno, "open an MPTCP socket",
                          "the kernel's switch is: sysctl -w net.mptcp.enabled=1");
  if (!fd.is_open()) return system_failure(errno, "open a socket");
  return fd;
}

Result<void> bind_to(int fd, const SocketAddress& address) {
  if (::bind(fd, address.get(), address.size) == 0) return {};
  const int error = errno;
  return system_failure(error, "use the address " + address.text(),
                        error == EADDRINUSE      ? "something else listens there; choose another port by -p"
                        : error == EADDRNOTAVAIL ? "it is no address of this machine; see: ip address"
                                                 : "");
}

Result<Fd> listen_tcp(const SocketAddress& address) {
  // It takes connections of plain TCP as they are, too.
  auto fd = new_socket(address, Transport::mptcp);
  if (!fd) fd = new_socket(address, Transport::tcp);
  if (!fd) return fd;
  static_cast<void>(set_option(fd->get(), SOL_SOCKET, SO_REUSEADDR, 1, ""));
  // Both families listen side by side, each with a socket of its own.
  if (address.is_v6()) static_cast<void>(set_option(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, 1, ""));
  if (auto bound = bind_to(fd->get(), address); !bound) return tl::make_unexpected(std::move(bound.error()));
  if (::listen(fd->get(), SOMAXCONN) != 0) return system_failure(errno, "listen on " + address.text());
  return fd;
}

Result<Fd> bind_udp(const SocketAddress& address) {
  auto fd = new_socket(address, Transport::udp);
  if (!fd) return fd;
  if (auto set = set_option(fd->get(), SOL_SOCKET, SO_REUSEPORT, 1, "share a port"); !set)
    return tl::make_unexpected(std::move(set.error()));
  if (address.is_v6()) static_cast<void>(set_option(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, 1, ""));
  if (auto bound = bind_to(fd->get(), address); !bound) return tl::make_unexpected(std::move(bound.error()));
  return fd;
}

Result<void> begin_connect(int fd, const SocketAddress& to) {
  if (::connect(fd, to.get(), to.size) == 0 || errno == EINPROGRESS) return {};
  return system_failure(errno, "connect to " + to.text());
}

int connection_error(int fd) {
  return option_of(fd, SOL_SOCKET, SO_ERROR);
}

Result<std::optional<Fd>> accept_next(int listener, SocketAddress& peer) {
  for (;;) {
    peer.size = sizeof peer.storage;
    const int fd = ::accept4(listener, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) return std::optional<Fd>(Fd(fd));
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::optional<Fd>();
    // The connection ended before we took it (accept(2): errors of the network are passed on).
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO || errno == ENETDOWN ||
        errno == EHOSTDOWN || errno == ENETUNREACH || errno == EHOSTUNREACH || errno == ENONET ||
        errno == ENOPROTOOPT)
      continue;
    return system_failure(errno, "accept a connection");
  }
}

SocketAddress local_address(int fd) {
  return address_by(::getsockname, fd);
}

SocketAddress peer_address(int fd) {
  return address_by(::getpeername, fd);
}

Result<void> set_no_delay(int fd) {
  return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "switch Nagle's algorithm off");
}

Result<void> set_mss(int fd, int mss) {
  return set_option(fd, IPPROTO_TCP, TCP_MAXSEG, mss, fmt::format("set an MSS of {} bytes", mss));
}

Result<void> set_congestion(int fd, const std::string& algorithm) {
  if (::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, algorithm.data(),
                   static_cast<socklen_t>(algorithm.size())) == 0)
    return {};
  return system_failure(errno, "use the congestion control " + printable(algorithm),
                        "those there are: sysctl net.ipv4.tcp_available_congestion_control");
}

std::string congestion_of(int fd) {
  char name[32] = "";
  socklen_t size = sizeof name - 1;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size) != 0) return {};
  return name;
}

Result<void> set_type_of_service(int fd, bool v6, int tos) {
  const std::string doing = fmt::format("set the type of service {:#x}", tos);
  return v6 ? set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, tos, doing)
            : set_option(fd, IPPROTO_IP, IP_TOS, tos, doing);
}

Result<void> set_dont_fragment(int fd, bool v6) {
  const std::string doing = "forbid to fragment";
  return v6 ? set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO, doing)
            : set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, doing);
}

bool limit_unsent(int fd, int bytes) {
  return ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes) == 0;
}

Result<void> set_max_pacing_rate(int fd, std::uint64_t bytes_per_second) {
  if (::setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &bytes_per_second, sizeof bytes_per_second) == 0)
    return {};
  return system_failure(errno, "limit the rate of a socket");
}

bool lower_max_pacing_rate(int fd, std::uint64_t bytes_per_second) {
  std::uint64_t now = 0;
  socklen_t size = sizeof now;
  if (::getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &now, &size) != 0) return false;
  return (size == sizeof now && now <= bytes_per_second) ||
         set_max_pacing_rate(fd, bytes_per_second).has_value();
}

Result<void> set_buffers(int fd, std::uint64_t bytes) {
  const int value = clamp_to_int(bytes);
  for (const auto& [forced, plain] :
       {std::pair{SO_SNDBUFFORCE, SO_SNDBUF}, std::pair{SO_RCVBUFFORCE, SO_RCVBUF}}) {
    if (set_option(fd, SOL_SOCKET, forced, value, "")) continue;
    if (auto set = set_option(fd, SOL_SOCKET, plain, value, "set the socket buffers"); !set) return set;
  }
  // The kernel doubles what it was asked for, and silently keeps to its limits.
  if (std::min(receive_buffer_of(fd), send_buffer_of(fd)) < static_cast<std::uint64_t>(value))
    return failure(ErrorKind::not_permitted,
                   fmt::format("socket buffers of {} bytes are above this machine's limit", bytes),
                   fmt::format("sysctl -w net.core.rmem_max={0} net.core.wmem_max={0}", bytes));
  return {};
}

void enlarge_receive_buffer(int fd, std::uint64_t bytes) {
  const int value = clamp_to_int(bytes);
  if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, value, ""))
    static_cast<void>(set_option(fd, SOL_SOCKET, SO_RCVBUF, value, ""));
}

std::uint64_t receive_buffer_of(int fd) {
  return static_cast<std::uint64_t>(option_of(fd, SOL_SOCKET, SO_RCVBUF));
}

std::uint64_t send_buffer_of(int fd) {
  return static_cast<std::uint64_t>(option_of(fd, SOL_SOCKET, SO_SNDBUF));
}

Result<void> set_blocking(int fd, std::int64_t limit_ns) {
  const timeval limit = {static_cast<std::time_t>(limit_ns / kNanosecondsPerSecond),
                         static_cast<suseconds_t>(limit_ns % kNanosecondsPerSecond / 1000)};
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
      ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
    return system_failure(errno, "bound the waiting of a socket");
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0)
    return system_failure(errno, "let a socket wait");
  return {};
}

void watch_liveness(int fd, int limit_s) {
  static_cast<void>(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1, ""));
  static_cast<void>(set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, std::max(1, limit_s / 3), ""));
  static_cast<void>(set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, limit_s / 6), ""));
  static_cast<void>(set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4, ""));
  static_cast<void>(set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, limit_s * 1000, ""));
}

int path_mtu_of(int fd, bool v6) {
  return v6 ? option_of(fd, IPPROTO_IPV6, IPV6_MTU) : option_of(fd, IPPROTO_IP, IP_MTU);
}

int mss_of(int fd) {
  return option_of(fd, IPPROTO_TCP, TCP_MAXSEG);
}

std::optional<std::uint64_t> buffer_drops_of(int fd) {
  // include/linux/sock_diag.h: the order of SK_MEMINFO_*.
  constexpr std::size_t kDrops = 8;
  std::uint32_t numbers[kDrops + 1] = {};
  socklen_t size = sizeof numbers;
  if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, numbers, &size) != 0 || size < sizeof numbers)
    return std::nullopt;
  return numbers[kDrops];
}

bool has_unread(int fd) {
  int bytes = 0;
  return ::ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

bool join_datagrams(int fd) {
  return set_option(fd, IPPROTO_UDP, UDP_GRO, 1, "").has_value();
}

void tell_type_of_service(int fd, bool v6) {
  static_cast<void>(v6 ? set_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1, "")
                       : set_option(fd, IPPROTO_IP, IP_RECVTOS, 1, ""));
}

std::optional<int> received_type_of_service(int fd, bool v6) {
  alignas(cmsghdr) std::array<char, 512> options{};
  socklen_t size = options.size();
  const int done = v6 ? ::getsockopt(fd, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, options.data(), &size)
                      : ::getsockopt(fd, IPPROTO_IP, IP_PKTOPTIONS, options.data(), &size);
  if (done != 0) return std::nullopt;
  msghdr message{};
  message.msg_control = options.data();
  message.msg_controllen = size;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_TOS) return *CMSG_DATA(part);
    if (part->cmsg_level != IPPROTO_IPV6 || part->cmsg_type != IPV6_TCLASS) continue;
    int value = 0;
    std::memcpy(&value, CMSG_DATA(part), sizeof value);
    return value;
  }
  return std::nullopt;
}

bool is_multipath(int fd) {
  // linux/mptcp.h cannot stand beside the headers above: SOL_MPTCP, MPTCP_INFO, MPTCP_INFO_FLAG_FALLBACK.
  constexpr int kLevel = 284;
  constexpr int kInfo = 1;
  constexpr std::uint32_t kFallback = 1;
  constexpr std::size_t kFlagsAt = 8;
  std::array<char, 256> info{};
  socklen_t size = info.size();
  if (::getsockopt(fd, kLevel, kInfo, info.data(), &size) != 0 || size < kFlagsAt + 4) return false;
  std::uint32_t flags = 0;
  std::memcpy(&flags, info.data() + kFlagsAt, sizeof flags);
  return (flags & kFallback) == 0;
}

std::optional<TcpInfo> read_tcp_info(int fd) {
  tcp_info raw{};
  socklen_t size = sizeof raw;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &raw, &size) != 0) return std::nullopt;
  TcpInfo info;
  info.retransmits = raw.tcpi_total_retrans;
  info.cwnd_bytes = std::uint64_t{raw.tcpi_snd_cwnd} * raw.tcpi_snd_mss;
  info.peer_window_bytes = raw.tcpi_snd_wnd;
  info.rtt_us = raw.tcpi_rtt;
  info.rtt_variation_us = raw.tcpi_rttvar;
  info.least_rtt_us = raw.tcpi_min_rtt;
  info.path_mtu = raw.tcpi_pmtu;
  info.mss = raw.tcpi_snd_mss;
  info.busy_us = raw.tcpi_busy_time;
  info.window_limited_us = raw.tcpi_rwnd_limited;
  info.buffer_limited_us = raw.tcpi_sndbuf_limited;
  info.ecn = (raw.tcpi_options & TCPI_OPT_ECN) != 0;
  info.ecn_seen = (raw.tcpi_options & TCPI_OPT_ECN_SEEN) != 0;
  info.congestion_marks = raw.tcpi_delivered_ce;
  return info;
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
  static_cast<void>(::getrlimit(RLIMIT_NOFILE, &limit));
  return limit.rlim_cur;
}

}  // namespace isotach::kernel
