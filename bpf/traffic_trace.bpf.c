// Counts every packet at two tracepoints, for kernels before 6.6, which have no tcx hooks: where a packet was
// received, and where one is handed to the driver, behind the queue. Slower than the hooks, and a socket is
// known for what goes out only; like them it is gone with the process that loaded it.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernel/traffic_layout.h"

#define TRAFFIC_FUNCTION __noinline
#define traffic_hide(value) barrier_var(value)

struct traffic_frame {
  __u64 start;   // address of the frame's first byte
  __u64 socket;  // of what goes out; 0 without
  __u32 linear;  // bytes there; the others are in pages and hold no heads
  __u32 length;
  __s32 tag;
  __u32 type;
};

static __always_inline int traffic_fetch(const struct traffic_frame* frame, __u32 at, void* to, __u32 size) {
  if (!frame || at > frame->linear || size > frame->linear - at) return 0;
  return bpf_probe_read_kernel(to, size, (const void*)(frame->start + at)) == 0;
}
static __always_inline __u32 traffic_length(const struct traffic_frame* frame) {
  return frame ? frame->length : 0;
}
static __always_inline int traffic_tag(const struct traffic_frame* frame) {
  return frame ? frame->tag : -1;
}
static __always_inline __u32 traffic_type(const struct traffic_frame* frame) {
  return frame ? frame->type : 0;
}

#include "kernel/traffic_count.inc"
#include "traffic_common.h"

// The namespace whose interfaces are counted; numbers of interfaces are its own.
const volatile __u32 name_space = 0;

struct ns_common {
  unsigned int inum;
} __attribute__((preserve_access_index));
struct net {
  struct ns_common ns;
} __attribute__((preserve_access_index));
typedef struct {
  struct net* net;
} __attribute__((preserve_access_index)) possible_net_t;
struct net_device {
  int ifindex;
  possible_net_t nd_net;
} __attribute__((preserve_access_index));
struct sk_buff {
  struct net_device* dev;
  struct sock* sk;
  unsigned int len, data_len;
  __u16 protocol, vlan_tci, mac_header;
  unsigned int end;
  unsigned char *head, *data;
} __attribute__((preserve_access_index));
struct sk_buff___all {  // since 6.2
  __u32 vlan_all;
} __attribute__((preserve_access_index));
struct sk_buff___present {  // before
  __u8 vlan_present : 1;
} __attribute__((preserve_access_index));
struct skb_shared_info {
  unsigned short gso_size, gso_segs;
} __attribute__((preserve_access_index));
struct sock___typed {
  __u16 sk_type;
} __attribute__((preserve_access_index));
struct tcp_sock {
  __u32 srtt_us, total_retrans;
} __attribute__((preserve_access_index));

static __always_inline void find_owner(struct traffic_frame* frame, const struct traffic_packet* p,
                                       struct traffic_slot* slot, int egress) {
  // Left to the list of sockets that is read with each snapshot; see take_socket() for what goes out.
}

static __always_inline int tag_of(struct sk_buff* skb) {
  struct sk_buff___all* newer = (void*)skb;
  struct sk_buff___present* older = (void*)skb;
  int present = 0;
  if (bpf_core_field_exists(newer->vlan_all)) {
    present = newer->vlan_all != 0;
  } else if (bpf_core_field_exists(older->vlan_present)) {
    present = BPF_CORE_READ_BITFIELD(older, vlan_present);
  }
  return present ? (int)skb->vlan_tci : -1;
}

static __always_inline void take_socket(struct sk_buff* skb, const struct traffic_packet* p,
                                        struct traffic_slot* slot) {
  struct sock* socket = skb->sk;
  if (!socket) return;
  const u32 state = socket->__sk_common.skc_state;
  if (state == 6 || state == 10 || state == 12)
    return;  // time-wait, listen, a request: no connection's socket
  if (find_owners && slot->owner_state != TRAFFIC_OWNER_KNOWN) {
    struct traffic_owner* owner = bpf_sk_storage_get(&socket_owners, socket, 0, 0);
    slot->owner_state = owner ? TRAFFIC_OWNER_KNOWN : TRAFFIC_OWNER_NOT_KNOWN;
    if (owner) slot->pid = owner->pid;
  }
  if (p->key.protocol != TRAFFIC_TCP) return;
  // A raw socket that sends TCP is no stream, and smaller.
  const struct sock___typed* typed = (const void*)socket;
  if (BPF_CORE_READ(typed, sk_type) != 1) return;
  const struct tcp_sock* tcp = (const void*)socket;
  slot->state = state;
  slot->rtt_us = BPF_CORE_READ(tcp, srtt_us) >> 3;
  slot->retransmits = BPF_CORE_READ(tcp, total_retrans);
  slot->has_socket_facts = 1;
}

static __always_inline void count(struct sk_buff* skb, struct net_device* device, int egress) {
  if (device->nd_net.net->ns.inum != name_space) return;
  const u32 index = device->ifindex;
  const struct traffic_interface* interface = find_interface(index);
  if (!interface) return;
  struct traffic_frame frame = {};
  const u64 data = (u64)skb->data;
  frame.start = data;
  if (!egress && interface->link_head != 0) frame.start = (u64)skb->head + skb->mac_header;
  const u32 before = data - frame.start;
  if (before > 256) return;
  frame.length = skb->len + before;
  frame.linear = skb->len - skb->data_len + before;
  frame.tag = tag_of(skb);
  frame.type = bpf_ntohs(skb->protocol);
  const struct skb_shared_info* shared = (const void*)((u64)skb->head + skb->end);
  const u32 segment = BPF_CORE_READ(shared, gso_size);
  const u32 segments = segment ? BPF_CORE_READ(shared, gso_segs) : 0;
  struct traffic_packet p = {};
  struct traffic_slot* slot = count_frame(&frame, &p, index, segment, segments, egress);
  if (slot && egress) take_socket(skb, &p, slot);
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(count_ingress, struct sk_buff* skb) {
  struct net_device* device = skb->dev;
  if (device) count(skb, device, 0);
  return 0;
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(count_egress, struct sk_buff* skb, struct net_device* device) {
  if (device) count(skb, device, 1);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
