// Every TCP or UDP socket of this network namespace, as the kernel lists them (man 7 sock_diag), and which
// process holds which. Asking costs about 3 us a socket; finding the processes reads /proc/PID/fd of all of
// them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "kernel/netlink.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

// linux/tcp_states.h
inline constexpr std::uint8_t kTcpEstablished = 1;
inline constexpr std::uint8_t kTcpListening = 10;
// "established", "time-wait"
[[nodiscard]] const char* tcp_state_name(std::uint8_t state);

// What the kernel knows of a TCP connection (struct tcp_info).
struct SocketTcp {
  std::uint64_t rtt_us = 0;
  std::uint64_t retransmits = 0;  // segments
  std::uint64_t bytes_in = 0;     // payload
  std::uint64_t bytes_out = 0;    // payload that was acknowledged
  std::uint64_t segments_in = 0, segments_out = 0;
  std::uint32_t least_rtt_us = 0;  // 0: never measured
  std::uint32_t mss = 0;
  std::uint32_t window_segments = 0;     // congestion window
  std::uint32_t threshold_segments = 0;  // of slow start
  std::uint32_t in_flight_segments = 0;
  std::uint32_t peer_window = 0;    // bytes
  std::uint64_t delivery_rate = 0;  // bytes/s
  bool in_loss = false;             // losses are being made good right now
  // Time since the beginning in which it had something to send; of that, held up by the receiver's window
  // and by its own send buffer.
  std::uint64_t busy_us = 0, window_limited_us = 0, buffer_limited_us = 0;
};

struct SocketEntry {
  std::array<std::uint8_t, 16> local{}, remote{};  // IPv4: the first four bytes, also of mapped addresses
  std::uint16_t local_port = 0, remote_port = 0;
  std::uint8_t ip_version = 4;
  std::uint8_t protocol = 0;
  std::uint8_t state = 0;  // linux/tcp_states.h
  std::uint32_t inode = 0;
  std::uint32_t interface = 0;  // bound to; 0: to none
  std::uint32_t user = 0;
  std::uint64_t cookie = 0;                             // names the socket for ever
  std::uint32_t receive_queue = 0, send_queue = 0;      // bytes
  std::uint32_t send_buffer = 0, send_buffer_used = 0;  // bytes of memory
  std::optional<SocketTcp> tcp;                         // of connections
};

// An IPv4 address pair in the clothes of IPv6 becomes one of IPv4.
void unmap_addresses(SocketEntry& entry);

// An answer behind the header of netlink; nothing for bytes that describe no socket.
[[nodiscard]] std::optional<SocketEntry> parse_socket_entry(std::string_view payload, std::uint8_t protocol);

inline constexpr std::size_t kSocketListLimit = 1U << 20;

struct SocketQuery {
  std::uint8_t protocol = 0;
  std::uint32_t states = 0xffff'ffff;  // 1 << state of linux/tcp_states.h
  bool memory = true;                  // of TCP: asks for send_buffer and send_buffer_used as well
};
// Those that data may move through: established, and half closed.
inline constexpr std::uint32_t kTransferStates = 1U << 1 | 1U << 4 | 1U << 8;
// Tells `visit` of each such socket, IPv4 and IPv6. `socket` is of NETLINK_SOCK_DIAG.
[[nodiscard]] Result<void> visit_sockets(NetlinkSocket& socket, const SocketQuery& query,
                                         const std::function<void(const SocketEntry&)>& visit);
// Appends the sockets of that protocol, IPv4 and IPv6, to `sockets`. `socket` is of NETLINK_SOCK_DIAG.
[[nodiscard]] Result<void> list_sockets(NetlinkSocket& socket, std::uint8_t protocol,
                                        std::vector<SocketEntry>& sockets);

// Processes by the inodes of their sockets. Where several hold one, the one with the lowest number.
[[nodiscard]] std::unordered_map<std::uint32_t, std::uint32_t> find_socket_holders(const SystemRoot& root);

}  // namespace isotach::kernel
