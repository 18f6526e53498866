// Puts the time at which the path emulator delivers a packet, in emulated time, into the packet's receive
// stamp, so that SO_TIMESTAMPNS tells it exactly however busy the machine is. The emulator writes the low 40
// bits of it (18 minutes of nanoseconds) into the source address, behind a first byte of 6; other addresses
// of its begin with 2.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define TC_NEXT (-1)
#define STAMP_MARK 6
#define STAMP_BITS 40

SEC("tc")
int stamp(struct __sk_buff* skb) {
  const unsigned char* frame = (const unsigned char*)(long)skb->data;
  const unsigned char* end = (const unsigned char*)(long)skb->data_end;
  const __u64 now = skb->tstamp;
  __u64 low = 0;
  if (now == 0 || frame + 14 > end || frame[6] != STAMP_MARK) return TC_NEXT;
#pragma unroll
  for (int i = 0; i < 5; ++i) low = low << 8 | frame[7 + i];
  const __u64 mask = (1ULL << STAMP_BITS) - 1;
  __u64 at = (now & ~mask) | low;
  // The nearest to now of all times that end so.
  if (at > now + (mask >> 1))
    at -= mask + 1;
  else if (at + (mask >> 1) < now)
    at += mask + 1;
  skb->tstamp = at;
  return TC_NEXT;
}

char LICENSE[] SEC("license") = "GPL";
