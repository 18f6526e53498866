// How one frame is counted: read by the BPF program, which runs it in the kernel, and by the counter of the
// AF_PACKET ring, so that both count the same by the same lines. C and C++ read this file.
//
// Before including it, define `struct traffic_frame` and
//     int traffic_fetch(frame, at, to, size)      copies bytes of the frame; 0 when they are not there
//     __u32 traffic_length(frame)                   bytes of the frame, a VLAN tag beside it left out
//     int traffic_tag(frame)                      the VLAN tag beside it, or -1
//     __u32 traffic_type(frame)                     its EtherType, where it has no head of the link
// TRAFFIC_FUNCTION is put before functions that the verifier checks each for itself.
#pragma once

#define TRAFFIC_INLINE static inline __attribute__((always_inline))

#include "kernel/traffic_layout.h"

enum {
  TRAFFIC_ETHER_IPV4 = 0x0800,
  TRAFFIC_ETHER_ARP = 0x0806,
  TRAFFIC_ETHER_VLAN = 0x8100,
  TRAFFIC_ETHER_IPV6 = 0x86dd,
  TRAFFIC_ETHER_SERVICE_VLAN = 0x88a8,
  TRAFFIC_ICMP = 1,
  TRAFFIC_TCP = 6,
  TRAFFIC_UDP = 17,
  TRAFFIC_ICMPV6 = 58,
};

TRAFFIC_INLINE __u16 traffic_host16(__u16 network) {
  return __builtin_bswap16(network);
}

struct traffic_packet {
  struct traffic_key key;
  __u32 length;  // on the wire, as one packet
  __u32 heads;   // bytes before the payload
  __u32 dscp;
  __u32 kind;
  __u8 tcp_flags;
  __u8 cast;  // 1: multicast, 2: broadcast
  __u8 is_fragment;
  __u8 has_ports;
  __u8 has_tag;  // a VLAN tag beside the frame
};

TRAFFIC_INLINE void traffic_add(struct traffic_tally* tally, __u64 packets, __u64 bytes) {
  tally->packets += packets;
  tally->bytes += bytes;
}

// The place of a size among traffic_direction.sizes. What is up to a full Ethernet frame long is looked up by
// its sixteenths: branches would be as many ways through the program for the verifier to try.
TRAFFIC_INLINE __u32 traffic_size_place(__u32 length) {
  static const __u8 places[95] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3,
                                  3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
                                  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5,
                                  5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5};
  if (length > 1518) return length < 4096 ? 6 : length < 9216 ? 7 : 8;
  __u32 bin = places[length >> 4];
  traffic_hide(bin);  // the compiler knows its range, the verifier does not
  return bin < TRAFFIC_SIZES ? bin : 0;
}

TRAFFIC_INLINE __u32 traffic_transport_kind(__u32 protocol) {
  switch (protocol) {
    case TRAFFIC_TCP:
      return TRAFFIC_V4_TCP;
    case TRAFFIC_UDP:
      return TRAFFIC_V4_UDP;
    case TRAFFIC_ICMP:
      return TRAFFIC_V4_ICMP;
    case TRAFFIC_ICMPV6:
      return TRAFFIC_V4_ICMPV6;
    default:
      return TRAFFIC_V4_OTHER;
  }
}

TRAFFIC_INLINE void traffic_take_transport(struct traffic_frame* frame, struct traffic_packet* p, __u32 at,
                                           int egress) {
  p->heads = at;
  if (p->key.flags & TRAFFIC_LATER_FRAGMENT) return;
  if (p->key.protocol == TRAFFIC_TCP) {
    __u8 head[14];
    if (!traffic_fetch(frame, at, head, sizeof head)) goto malformed;
    p->tcp_flags = head[13];
    p->heads = at + (__u32)(head[12] >> 4) * 4;
    __builtin_memcpy(&p->key.local_port, egress ? head : head + 2, 2);
    __builtin_memcpy(&p->key.remote_port, egress ? head + 2 : head, 2);
    p->has_ports = 1;
    return;
  }
  if (p->key.protocol == TRAFFIC_UDP) {
    __u16 head[2];
    if (!traffic_fetch(frame, at, head, sizeof head)) goto malformed;
    p->heads = at + 8;
    p->key.local_port = egress ? head[0] : head[1];
    p->key.remote_port = egress ? head[1] : head[0];
    p->has_ports = 1;
  }
  return;
malformed:
  p->key.flags |= TRAFFIC_MALFORMED;
}

// The functions that are not static are verified each for itself, which keeps the verifier's work small.
TRAFFIC_FUNCTION int traffic_take_ipv4(struct traffic_frame* frame, struct traffic_packet* p, __u32 at,
                                       int egress) {
  if (!p) return 0;
  struct {
    __u8 version, service;
    __u16 length, id, fragment;
    __u8 hops, protocol;
    __u16 checksum;
    __u32 source, destination;
  } head;
  if (!traffic_fetch(frame, at, &head, sizeof head)) return 0;
  const __u32 head_length = (head.version & 15u) * 4;
  const __u32 length = traffic_host16(head.length);
  // Segmentation offload may leave the length 0.
  if (head.version >> 4 != 4 || head_length < 20 || (length != 0 && length < head_length)) return 0;
  if (length > traffic_length(frame) - at) p->key.flags |= TRAFFIC_MALFORMED;
  p->key.ip_version = 4;
  p->key.protocol = head.protocol;
  p->dscp = head.service >> 2;
  __builtin_memcpy(p->key.local, egress ? &head.source : &head.destination, 4);
  __builtin_memcpy(p->key.remote, egress ? &head.destination : &head.source, 4);
  const __u16 fragment = traffic_host16(head.fragment);
  if (fragment & 0x3fff) p->is_fragment = 1;
  if (fragment & 0x1fff) p->key.flags |= TRAFFIC_LATER_FRAGMENT;
  p->kind = traffic_transport_kind(head.protocol);
  traffic_take_transport(frame, p, at + head_length, egress);
  return 1;
}

TRAFFIC_FUNCTION int traffic_take_ipv6(struct traffic_frame* frame, struct traffic_packet* p, __u32 at,
                                       int egress) {
  if (!p) return 0;
  struct {
    __u8 version, service;
    __u16 flow, length;
    __u8 next, hops;
    __u64 source[2], destination[2];
  } __attribute__((packed)) head;
  if (!traffic_fetch(frame, at, &head, sizeof head)) return 0;
  if (head.version >> 4 != 6) return 0;
  p->key.ip_version = 6;
  p->dscp = (head.version & 15u) << 2 | (__u32)head.service >> 6;
  __builtin_memcpy(p->key.local, egress ? head.source : head.destination, 16);
  __builtin_memcpy(p->key.remote, egress ? head.destination : head.source, 16);
  if (traffic_host16(head.length) > traffic_length(frame) - at) p->key.flags |= TRAFFIC_MALFORMED;
  at += 40;
  __u32 next = head.next;
  for (int i = 0; i < 8; i++) {
    __u8 extension[4];
    if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60) break;
    if (!traffic_fetch(frame, at, extension, sizeof extension)) {
      p->key.flags |= TRAFFIC_MALFORMED | TRAFFIC_LATER_FRAGMENT;
      break;
    }
    if (next == 44) {
      const __u32 word = (__u32)extension[2] << 8 | extension[3];
      if (word & 0xfff9) p->is_fragment = 1;
      if (word & 0xfff8) p->key.flags |= TRAFFIC_LATER_FRAGMENT;
      at += 8;
    } else {
      at += next == 51 ? ((__u32)extension[1] + 2) * 4 : ((__u32)extension[1] + 1) * 8;
    }
    next = extension[0];
    if (p->key.flags & TRAFFIC_LATER_FRAGMENT) break;
  }
  p->key.protocol = (__u8)next;
  p->kind = TRAFFIC_V6_TCP + traffic_transport_kind(next);
  traffic_take_transport(frame, p, at, egress);
  return 1;
}

TRAFFIC_FUNCTION int traffic_take_frame(struct traffic_frame* frame, struct traffic_packet* p,
                                        __u32 link_head, int egress) {
  if (!p) return 0;
  __u32 at = link_head;
  __u32 type = traffic_type(frame);
  p->length = traffic_length(frame);
  if (link_head != 0) {
    struct {
      __u8 destination[6], source[6];
      __u16 type;
    } head;
    if (!traffic_fetch(frame, 0, &head, sizeof head)) {
      p->kind = TRAFFIC_NOT_IP;
      p->key.flags |= TRAFFIC_MALFORMED;
      return 0;
    }
    __builtin_memcpy(p->key.station, egress ? head.destination : head.source, 6);
    type = traffic_host16(head.type);
    if (head.destination[0] & 1) {
      __u32 first;
      __u16 last;
      __builtin_memcpy(&first, head.destination, sizeof first);
      __builtin_memcpy(&last, head.destination + 4, sizeof last);
      p->cast = first == 0xffffffff && last == 0xffff ? 2 : 1;
    }
  }
  const int tag_beside = traffic_tag(frame);
  if (tag_beside >= 0) {
    p->key.vlan = (__u16)(tag_beside & 0xfff);
    p->length += 4;
    p->heads += 4;
    p->has_tag = 1;
  }
  for (int i = 0; i < 2; i++) {
    __u16 tag[2];
    if (type != TRAFFIC_ETHER_VLAN && type != TRAFFIC_ETHER_SERVICE_VLAN) break;
    if (!traffic_fetch(frame, at, tag, sizeof tag)) break;
    if (p->key.vlan == 0) p->key.vlan = traffic_host16(tag[0]) & 0xfff;
    type = traffic_host16(tag[1]);
    at += 4;
  }
  const __u32 tag = p->heads;
  if (type == TRAFFIC_ETHER_IPV4) {
    if (traffic_take_ipv4(frame, p, at, egress)) goto done;
    p->kind = TRAFFIC_V4_OTHER;
    p->key.flags |= TRAFFIC_MALFORMED;
  } else if (type == TRAFFIC_ETHER_IPV6) {
    if (traffic_take_ipv6(frame, p, at, egress)) goto done;
    p->kind = TRAFFIC_V6_OTHER;
    p->key.flags |= TRAFFIC_MALFORMED;
  } else {
    p->kind = type == TRAFFIC_ETHER_ARP ? TRAFFIC_ARP : TRAFFIC_NOT_IP;
  }
  p->key.ether_type = (__u16)type;
  p->heads = at;
done:
  p->heads += tag;
  return 0;
}

TRAFFIC_INLINE __u64 traffic_hash(const struct traffic_key* key, __u64 seed) {
  const __u64* word = (const __u64*)key;
  __u64 a = seed, b = ~seed;
  a = (a ^ word[0]) * 0x9e3779b97f4a7c15ull;
  b = (b ^ word[1]) * 0xc2b2ae3d27d4eb4full;
  a ^= a >> 29;
  b ^= b >> 31;
  a = (a ^ word[2]) * 0x9e3779b97f4a7c15ull;
  b = (b ^ word[3]) * 0xc2b2ae3d27d4eb4full;
  a ^= a >> 32;
  b ^= b >> 30;
  a = (a ^ word[4]) * 0x9e3779b97f4a7c15ull;
  b = (b ^ word[5]) * 0xc2b2ae3d27d4eb4full;
  a ^= b ^ word[6];
  a ^= a >> 32;
  a *= 0xd6e8feb86659fd93ull;
  return a ^ a >> 32;
}

// What a place holds of the hash beside the slot's number. The low bits chose the place.
TRAFFIC_INLINE __u32 traffic_check(__u64 hash) {
  return (__u32)(hash >> 32) & ~(__u32)TRAFFIC_NUMBER_MASK;
}

TRAFFIC_INLINE int traffic_same_key(const struct traffic_key* a, const struct traffic_key* b) {
  const __u64* x = (const __u64*)a;
  const __u64* y = (const __u64*)b;
  return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]) | (x[5] ^ y[5]) |
          (x[6] ^ y[6])) == 0;
}

// Adds the packet to the totals of its interface. Gives how many packets and bytes it was on the wire: a
// packet of several segments (`segment` bytes of payload each, `segments` of them, 0 where the kernel has not
// counted) is sent as so many, each with the heads again. Heads inside of tunnels are not known of and count
// once.
TRAFFIC_INLINE struct traffic_tally traffic_add_packet(struct traffic_direction* way,
                                                       const struct traffic_packet* p, __u32 segment,
                                                       __u32 segments) {
  struct traffic_tally wire = {1, p->length};
  if (segment != 0) {
    const __u32 payload = p->length > p->heads ? p->length - p->heads : 0;
    wire.packets = segments != 0 ? segments : (payload + segment - 1) / segment;
    if (wire.packets == 0) wire.packets = 1;
    const __u64 more = wire.packets - 1;
    wire.bytes += more * p->heads;
    traffic_add(&way->segments, more, more * p->heads);
    const __u64 whole = more * segment;
    const __u32 last = p->heads + (payload > whole ? payload - (__u32)whole : 0);
    traffic_add(&way->sizes[traffic_size_place(segment + p->heads)], more, wire.bytes - last);
    traffic_add(&way->sizes[traffic_size_place(last)], 1, last);
  } else {
    traffic_add(&way->sizes[traffic_size_place(p->length)], 1, wire.bytes);
  }
  if (p->kind < TRAFFIC_KINDS) traffic_add(&way->kinds[p->kind], wire.packets, wire.bytes);
  if (p->dscp != 0) traffic_add(&way->dscp[p->dscp & (TRAFFIC_DSCP - 1)], wire.packets, wire.bytes);
  if (p->cast == 1) traffic_add(&way->multicast, wire.packets, wire.bytes);
  if (p->cast == 2) traffic_add(&way->broadcast, wire.packets, wire.bytes);
  if (p->is_fragment) traffic_add(&way->fragments, wire.packets, wire.bytes);
  if (p->key.flags & TRAFFIC_MALFORMED) traffic_add(&way->malformed, wire.packets, wire.bytes);
  if (p->has_tag) traffic_add(&way->tags, 1, 4);
  return wire;
}

TRAFFIC_INLINE void traffic_add_to_slot(struct traffic_slot* slot, const struct traffic_packet* p,
                                        struct traffic_tally wire, int egress) {
  slot->dscp = (__u8)p->dscp;
  if (egress) {
    slot->out_packets += wire.packets;
    slot->out_bytes += wire.bytes;
    slot->flags_out |= p->tcp_flags;
  } else {
    slot->in_packets += wire.packets;
    slot->in_bytes += wire.bytes;
    slot->flags_in |= p->tcp_flags;
  }
}
