// Counts every packet at the tcx hooks of an interface into the memory that kernel/traffic_layout.h
// describes: flows into slots of the processor that runs, the rest into one block for each interface. It
// changes and drops nothing. Processes are found by the socket: sockets are marked with who made them, and a
// flow is looked up once in each generation.
//
// The egress hook is before the queue: what a queue drops was counted. Loopback passes both hooks.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define TRAFFIC_FUNCTION __noinline
#define traffic_frame __sk_buff
#define traffic_hide(value) barrier_var(value)

// Bytes of the frame, wherever the kernel keeps them.
static __always_inline int traffic_fetch(struct __sk_buff* skb, __u32 at, void* to, __u32 size) {
  const char* data = (const char*)(long)skb->data;
  if (at < 512 && data + at + size <= (const char*)(long)skb->data_end) {
    __builtin_memcpy(to, data + at, size);
    return 1;
  }
  return bpf_skb_load_bytes(skb, at, to, size) == 0;
}

static __always_inline __u32 traffic_length(const struct __sk_buff* skb) {
  return skb->len;
}
static __always_inline int traffic_tag(const struct __sk_buff* skb) {
  return skb->vlan_present ? (int)(skb->vlan_tci & 0xffff) : -1;
}
static __always_inline __u32 traffic_type(const struct __sk_buff* skb) {
  return bpf_ntohs(skb->protocol);
}

#include "kernel/traffic_count.inc"
#include "traffic_common.h"

#define TC_NEXT (-1)

static __always_inline void take_owner(struct traffic_slot* slot, struct bpf_sock* socket) {
  struct traffic_owner* owner = bpf_sk_storage_get(&socket_owners, socket, 0, 0);
  slot->owner_state = owner ? TRAFFIC_OWNER_KNOWN : TRAFFIC_OWNER_NOT_KNOWN;
  if (owner) slot->pid = owner->pid;
}

static __always_inline void find_owner(struct __sk_buff* skb, const struct traffic_packet* p,
                                       struct traffic_slot* slot, int egress) {
  slot->owner_state = TRAFFIC_OWNER_NO_SOCKET;
  if (egress) {
    struct bpf_sock* socket = skb->sk;
    if (!socket) return;
    socket = bpf_sk_fullsock(socket);
    if (socket) take_owner(slot, socket);
    return;
  }
  if (!p->has_ports) return;
  struct bpf_sock_tuple tuple = {};
  u32 size;
  if (p->key.ip_version == 4) {
    tuple.ipv4.saddr = *(u32*)p->key.remote;
    tuple.ipv4.daddr = *(u32*)p->key.local;
    tuple.ipv4.sport = p->key.remote_port;
    tuple.ipv4.dport = p->key.local_port;
    size = sizeof tuple.ipv4;
  } else {
    __builtin_memcpy(tuple.ipv6.saddr, p->key.remote, 16);
    __builtin_memcpy(tuple.ipv6.daddr, p->key.local, 16);
    tuple.ipv6.sport = p->key.remote_port;
    tuple.ipv6.dport = p->key.local_port;
    size = sizeof tuple.ipv6;
  }
  struct bpf_sock* socket;
  if (p->key.protocol == TRAFFIC_TCP) {
    socket = size == sizeof tuple.ipv4
                 ? bpf_sk_lookup_tcp(skb, &tuple, sizeof tuple.ipv4, BPF_F_CURRENT_NETNS, 0)
                 : bpf_sk_lookup_tcp(skb, &tuple, sizeof tuple.ipv6, BPF_F_CURRENT_NETNS, 0);
  } else {
    socket = size == sizeof tuple.ipv4
                 ? bpf_sk_lookup_udp(skb, &tuple, sizeof tuple.ipv4, BPF_F_CURRENT_NETNS, 0)
                 : bpf_sk_lookup_udp(skb, &tuple, sizeof tuple.ipv6, BPF_F_CURRENT_NETNS, 0);
  }
  if (!socket) return;
  take_owner(slot, socket);
  bpf_sk_release(socket);
}

static __always_inline void take_socket_facts(struct __sk_buff* skb, struct traffic_slot* slot) {
  struct bpf_sock* socket = skb->sk;
  if (!socket) return;
  socket = bpf_sk_fullsock(socket);
  if (!socket) return;
  const u32 state = socket->state;
  if (state == 10) return;  // a listener answers; the connection has no socket yet
  struct bpf_tcp_sock* tcp = bpf_tcp_sock(socket);
  if (!tcp) return;
  slot->state = state;
  slot->rtt_us = tcp->srtt_us >> 3;
  slot->retransmits = tcp->total_retrans;
  slot->has_socket_facts = 1;
}

static __always_inline int count(struct __sk_buff* skb, int egress) {
  struct traffic_packet p = {};
  struct traffic_slot* slot = count_frame(skb, &p, skb->ifindex, skb->gso_size, skb->gso_segs, egress);
  if (slot && egress && p.key.protocol == TRAFFIC_TCP) take_socket_facts(skb, slot);
  return TC_NEXT;
}

SEC("tc")
int count_ingress(struct __sk_buff* skb) {
  return count(skb, 0);
}

SEC("tc")
int count_egress(struct __sk_buff* skb) {
  return count(skb, 1);
}

char LICENSE[] SEC("license") = "GPL";
