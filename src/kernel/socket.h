// Sockets of the Internet protocols: addresses, listening, connecting, options.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::kernel {

enum class IpFamily : std::uint8_t { any, v4, v6 };
enum class Transport : std::uint8_t { tcp, udp, mptcp };

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] bool is_v6() const { return storage.ss_family == AF_INET6; }
  [[nodiscard]] std::string host() const;  // "127.0.0.1"; an IPv4 address in IPv6 clothes as IPv4
  [[nodiscard]] std::uint16_t port() const;
  void set_port(std::uint16_t port);
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] std::string text() const;  // "127.0.0.1:5201", "[::1]:5201"

  friend bool operator==(const SocketAddress& a, const SocketAddress& b) {
    return a.host() == b.host() && a.port() == b.port();
  }
};

// Addresses of a name or a number, best first. Asks the resolver, which may take seconds. An empty host with
// `passive` is every address of this machine.
[[nodiscard]] Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port,
                                                         IpFamily family, bool passive);

// All descriptors are non-blocking and close on exec.
[[nodiscard]] Result<Fd> listen_tcp(const SocketAddress& address);
// SO_REUSEPORT, so that connected sockets of the same user can share the port.
[[nodiscard]] Result<Fd> bind_udp(const SocketAddress& address);
[[nodiscard]] Result<Fd> new_socket(const SocketAddress& to, Transport transport);
// Begins to connect; the descriptor turns writable when connection_error() tells how it went. UDP connects at
// once.
[[nodiscard]] Result<void> begin_connect(int fd, const SocketAddress& to);
[[nodiscard]] int connection_error(int fd);
[[nodiscard]] Result<void> bind_to(int fd, const SocketAddress& address);
// The next waiting connection. Nothing: none waits any more. EMFILE and ENFILE are told as failures.
[[nodiscard]] Result<std::optional<Fd>> accept_next(int listener, SocketAddress& peer);

[[nodiscard]] SocketAddress local_address(int fd);
[[nodiscard]] SocketAddress peer_address(int fd);

[[nodiscard]] Result<void> set_no_delay(int fd);
[[nodiscard]] Result<void> set_mss(int fd, int mss);
[[nodiscard]] Result<void> set_congestion(int fd, const std::string& algorithm);
[[nodiscard]] std::string congestion_of(int fd);  // empty where it is not told
[[nodiscard]] Result<void> set_type_of_service(int fd, bool v6, int tos);
[[nodiscard]] Result<void> set_dont_fragment(int fd, bool v6);
// A socket of TCP takes no more while so many bytes, or more, wait to be sent for the first time; 0: as the
// system has it.
[[nodiscard]] bool limit_unsent(int fd, int bytes);
[[nodiscard]] Result<void> set_max_pacing_rate(int fd, std::uint64_t bytes_per_second);
// The same unless a lower one is set. False: the kernel does not space the segments of this socket.
bool lower_max_pacing_rate(int fd, std::uint64_t bytes_per_second);
// Both buffers. With CAP_NET_ADMIN past net.core.rmem_max and wmem_max.
[[nodiscard]] Result<void> set_buffers(int fd, std::uint64_t bytes);
// Only the receive buffer, to at most `bytes`: what the limits allow.
void enlarge_receive_buffer(int fd, std::uint64_t bytes);
[[nodiscard]] std::uint64_t receive_buffer_of(int fd);
[[nodiscard]] std::uint64_t send_buffer_of(int fd);
// Blocking again, but no call takes longer than `limit_ns`.
[[nodiscard]] Result<void> set_blocking(int fd, std::int64_t limit_ns);
// The peer is asked whether it still lives; a connection on which nothing is acknowledged for `limit_s`
// fails.
void watch_liveness(int fd, int limit_s);

[[nodiscard]] int path_mtu_of(int fd, bool v6);  // 0 where it is not known
[[nodiscard]] int mss_of(int fd);
// Datagrams that found the receive buffer full; nothing where the kernel does not tell.
[[nodiscard]] std::optional<std::uint64_t> buffer_drops_of(int fd);
// Whether something has arrived that was not read yet.
[[nodiscard]] bool has_unread(int fd);
// Several datagrams come in one piece (UDP_GRO); false where the kernel cannot.
bool join_datagrams(int fd);
// The type-of-service byte is told with each datagram.
void tell_type_of_service(int fd, bool v6);

// The type-of-service byte of what arrived on a TCP connection: of IPv4 that of the SYN, so nothing at the
// end that connected; of IPv6 that of the last segment, once tell_type_of_service() was called.
[[nodiscard]] std::optional<int> received_type_of_service(int fd, bool v6);
// Whether a connection that was asked to be MPTCP is so: both ends and the path agreed.
[[nodiscard]] bool is_multipath(int fd);

// What TCP knows of a connection (linux/tcp.h: struct tcp_info). Counts are since its beginning.
struct TcpInfo {
  std::uint64_t retransmits = 0;  // segments
  std::uint64_t cwnd_bytes = 0;
  std::uint64_t peer_window_bytes = 0;
  std::uint32_t rtt_us = 0;
  std::uint32_t rtt_variation_us = 0;
  std::uint32_t least_rtt_us = 0;
  std::uint32_t path_mtu = 0;
  std::uint32_t mss = 0;
  // While there was something to send: in all, and of it limited by the peer's window, by the send buffer.
  std::uint64_t busy_us = 0;
  std::uint64_t window_limited_us = 0;
  std::uint64_t buffer_limited_us = 0;
  bool ecn = false;                    // both ends agreed to use it
  bool ecn_seen = false;               // what arrived was marked as capable of it
  std::uint64_t congestion_marks = 0;  // segments that the peer said arrived marked (CE)
};
[[nodiscard]] std::optional<TcpInfo> read_tcp_info(int fd);

// As many descriptors as the hard limit allows. Returns the limit.
std::uint64_t raise_descriptor_limit();

}  // namespace isotach::kernel
