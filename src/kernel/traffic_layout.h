// The memory that the BPF program of isotach traffic (bpf/traffic.bpf.c) and this program share, and that the
// counter of the AF_PACKET ring fills in the same way. C and C++ read this file.
//
// There are two buffers. `generation & 1` says which one is counted into; raising it and waiting until every
// program that still saw the old number has ended makes the other one hold still, to be read without locks.
// Slots belong to one processor and one generation and are taken one after the other, found by a hash table
// whose places hold the generation: those of an older one are free, so nothing is ever deleted.
//
// Interface blocks are never set back: what a generation added is the growth of its buffer's block.
#pragma once

#include <linux/types.h>

enum {
  TRAFFIC_NUMBER_MASK = 0xfffff,  // of a slot's number in its place
  TRAFFIC_PROBES = 32,            // slots that are tried for a key before it counts as overflow
  TRAFFIC_INTERFACES = 2048,      // places of the table of interfaces: a power of two
  TRAFFIC_INTERFACE_PROBES = 8,
  TRAFFIC_COMMAND_BYTES = 16,  // TASK_COMM_LEN
  TRAFFIC_SIZES = 9,
  TRAFFIC_DSCP = 64,
};

// Kinds of packets, told apart by both their network and their transport protocol.
enum traffic_kind {
  TRAFFIC_V4_TCP,
  TRAFFIC_V4_UDP,
  TRAFFIC_V4_ICMP,
  TRAFFIC_V4_ICMPV6,
  TRAFFIC_V4_OTHER,
  TRAFFIC_V6_TCP,
  TRAFFIC_V6_UDP,
  TRAFFIC_V6_ICMP,
  TRAFFIC_V6_ICMPV6,
  TRAFFIC_V6_OTHER,
  TRAFFIC_ARP,
  TRAFFIC_NOT_IP,
  TRAFFIC_KINDS
};

enum traffic_key_flags {
  TRAFFIC_LATER_FRAGMENT = 1,  // has no ports
  TRAFFIC_MALFORMED = 2,
};

// `local` is the destination of what comes in and the source of what goes out. Unused bytes are 0.
struct traffic_key {
  __u8 local[16];
  __u8 remote[16];
  __u16 local_port;   // network order
  __u16 remote_port;  // network order
  __u32 interface;
  __u16 ether_type;  // host order
  __u16 vlan;        // host order; 0 without
  __u8 station[6];
  __u8 ip_version;
  __u8 protocol;
  __u8 flags;
  __u8 unused[3];
};

enum traffic_owner_state {
  TRAFFIC_OWNER_NOT_ASKED,
  TRAFFIC_OWNER_NO_SOCKET,
  TRAFFIC_OWNER_NOT_KNOWN,  // there is a socket; who made it is not known
  TRAFFIC_OWNER_KNOWN,
};

struct traffic_slot {
  __u64 unused_first;  // the key ends a line of the cache, the counters fill the next
  struct traffic_key key;
  __u64 in_packets, in_bytes, out_packets, out_bytes;  // of the wire
  __u32 pid;
  __u32 rtt_us;
  __u32 retransmits;
  __u8 flags_in, flags_out;  // of TCP
  __u8 state;                // of the socket, as linux/tcp_states.h numbers them; 0: not known
  __u8 dscp;
  __u8 owner_state;
  __u8 has_socket_facts;  // rtt_us, retransmits and state are there
  __u8 unused[14];
};

struct traffic_tally {
  __u64 packets, bytes;
};

struct traffic_direction {
  struct traffic_tally kinds[TRAFFIC_KINDS];  // of the wire; their sum is the total
  struct traffic_tally sizes[TRAFFIC_SIZES];
  // What GSO and GRO packets stand for beyond what they are: packets less one, and the heads of those.
  struct traffic_tally segments;
  struct traffic_tally multicast, broadcast;  // the rest is unicast
  struct traffic_tally malformed, fragments;
  struct traffic_tally tags;                // VLAN tags that the kernel carried beside the frame
  struct traffic_tally dscp[TRAFFIC_DSCP];  // class 0 is not counted: it is the rest of IP
};

struct traffic_block {
  struct traffic_direction in, out;
};

struct traffic_control {
  __u32 used;  // slots listed; set to 0 by who has read the buffer
  __u32 unused;
  struct traffic_tally overflow_in, overflow_out;  // never set back
};

struct traffic_interface {
  __u32 index;  // 0: a free place
  __u16 block;
  __u16 link_head;  // bytes of the link layer's head: 14, or 0 for tunnels of IP
};

// Who made a socket.
struct traffic_owner {
  __u64 cgroup;
  __u32 pid;
  __u32 round;  // of the last walk over all descriptors that found it
  char command[TRAFFIC_COMMAND_BYTES];
};
