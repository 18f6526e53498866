/* What bpf/sockets.bpf.c writes for each TCP socket, and for each socket that a process holds. C and C++. */
#pragma once

#include <linux/types.h>

struct socket_row {
  __u64 cookie;
  __u8 local[16], remote[16]; /* IPv4: the first four bytes */
  __u64 bytes_in, bytes_out;  /* payload that was received; that was acknowledged */
  __u64 delivery_rate;        /* bytes/s */
  __u64 busy_us, window_limited_us, buffer_limited_us;
  __u32 inode, interface, user;
  __u32 receive_queue, send_queue;     /* bytes */
  __u32 send_buffer, send_buffer_used; /* bytes */
  __u32 rtt_us, least_rtt_us;          /* least: all bits set before one was measured */
  __u32 retransmits, segments_in, segments_out;
  __u32 mss, window_segments, threshold_segments, in_flight_segments, peer_window;
  __u16 local_port, remote_port;
  __u8 ip_version, state; /* linux/tcp_states.h */
  __u8 has_tcp;           /* 0: waits or is being made, and has neither counters nor buffers */
  __u8 in_loss;
};

struct socket_holder_row {
  __u32 inode, pid;
};
