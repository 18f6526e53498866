// Every TCP or UDP socket of this network namespace, as the kernel lists them (man 7 sock_diag), and which
// process holds which. Asking costs about 3 us a socket; finding the processes reads /proc/PID/fd of all of
// them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "kernel/netlink.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

struct SocketEntry {
  std::array<std::uint8_t, 16> local{}, remote{};  // IPv4: the first four bytes, also of mapped addresses
  std::uint16_t local_port = 0, remote_port = 0;
  std::uint8_t ip_version = 4;
  std::uint8_t protocol = 0;
  std::uint8_t state = 0;  // linux/tcp_states.h
  std::uint32_t inode = 0;
  std::uint32_t interface = 0;  // bound to; 0: to none
  struct Tcp {
    std::uint64_t rtt_us = 0;
    std::uint64_t retransmits = 0;  // segments
    std::uint64_t bytes_in = 0;     // payload
    std::uint64_t bytes_out = 0;    // payload that was acknowledged
    std::uint64_t segments_in = 0, segments_out = 0;
  };
  std::optional<Tcp> tcp;  // of connections
};

// An answer behind the header of netlink; nothing for bytes that describe no socket.
[[nodiscard]] std::optional<SocketEntry> parse_socket_entry(std::string_view payload, std::uint8_t protocol);

inline constexpr std::size_t kSocketListLimit = 1U << 20;
// Appends the sockets of that protocol, IPv4 and IPv6, to `sockets`. `socket` is of NETLINK_SOCK_DIAG.
[[nodiscard]] Result<void> list_sockets(NetlinkSocket& socket, std::uint8_t protocol,
                                        std::vector<SocketEntry>& sockets);

// Processes by the inodes of their sockets. Where several hold one, the one with the lowest number.
[[nodiscard]] std::unordered_map<std::uint32_t, std::uint32_t> find_socket_holders(const SystemRoot& root);

}  // namespace isotach::kernel
