// All that the kernel tells of one TCP connection, for those that are watched many times a second: its
// tcp_info (linux/tcp.h), the memory of its buffers and its congestion control. One is asked for by its
// addresses, without a walk over all: about 5 us, and half of that where many are asked for together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernel/netlink.h"
#include "kernel/socket_list.h"

namespace isotach::kernel {

// Counters are since the connection began. What an older kernel does not tell is 0.
struct SocketDetail {
  std::uint8_t state = 0;     // linux/tcp_states.h
  std::uint8_t ca_state = 0;  // enum tcp_ca_state: 1 disorder, 2 CWR, 3 recovery, 4 loss
  std::uint8_t backoff = 0;   // timeouts in a row
  bool window_scaling = false;
  bool app_limited = false;  // the last delivery rate was held down by a lack of data
  std::uint32_t mss = 0;
  std::uint32_t unacked_segments = 0, lost_segments = 0, retrans_segments = 0;  // now
  std::uint32_t rtt_us = 0, min_rtt_us = 0;                                     // 0: never measured
  std::uint32_t cwnd_segments = 0, ssthresh_segments = 0;
  std::uint32_t send_window_bytes = 0;     // what the peer allows
  std::uint32_t receive_window_bytes = 0;  // what we allow; Linux 6.2
  std::uint32_t path_mtu = 0;
  std::uint32_t notsent_bytes = 0;
  std::uint32_t last_data_sent_ms = 0;  // ago
  std::uint64_t bytes_acked = 0, bytes_received = 0, bytes_sent = 0, bytes_retrans = 0;
  std::uint32_t data_segments_in = 0, data_segments_out = 0, total_retrans = 0;
  std::uint32_t delivered_segments = 0, delivered_ce_segments = 0;
  std::uint32_t dsack_dups = 0, reord_seen = 0, out_of_order_in = 0;
  std::uint32_t timeouts = 0;                                             // Linux 6.7
  std::uint64_t pacing_rate = 0, max_pacing_rate = 0, delivery_rate = 0;  // bytes/s; max ~0: none
  std::uint64_t busy_us = 0, window_limited_us = 0, buffer_limited_us = 0;
  // Bytes of memory; the queues hold payload.
  std::uint32_t receive_memory = 0, receive_buffer = 0, send_memory = 0, send_buffer = 0;
  std::uint32_t receive_queue = 0, send_queue = 0;
  std::uint32_t inode = 0;
  std::string congestion_control;
};

// An answer behind the header of netlink; nothing for bytes that describe no TCP connection.
[[nodiscard]] std::optional<SocketDetail> parse_socket_detail(std::string_view payload);

// Of the connection that `which` names, if it still is the same; nothing where it is gone. `socket` is of
// NETLINK_SOCK_DIAG, in the network namespace of the connection.
[[nodiscard]] Result<std::optional<SocketDetail>> read_socket_detail(NetlinkSocket& socket,
                                                                     const SocketEntry& which);
// Of many, in their order.
[[nodiscard]] Result<std::vector<std::optional<SocketDetail>>> read_socket_details(
    NetlinkSocket& socket, const std::vector<const SocketEntry*>& which);

}  // namespace isotach::kernel
