// Counts frames that were copied to us as the BPF program counts those it sees, into memory of the same
// layout (kernel/traffic_layout.h), by the same lines (kernel/traffic_count.inc).
//
// One thread counts; switch_buffer() is called by another, under a lock that both hold.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/packet_ring.h"
#include "kernel/traffic_program.h"

namespace isotach::network {

class FrameCounter {
 public:
  // `slot_limit` flows in an interval; `block_count` interfaces.
  FrameCounter(std::uint32_t slot_limit, std::uint32_t block_count, std::uint64_t seed);

  void count(const kernel::RingFrame& frame, std::uint32_t interface, std::uint32_t block,
             std::uint32_t link_head);
  // Counting goes on in the other buffer; the one named is read and its `used` set to 0 before the next call.
  [[nodiscard]] unsigned switch_buffer() { return generation_++ & 1; }
  [[nodiscard]] kernel::TrafficArea area(unsigned buffer);

 private:
  struct Buffer {
    std::vector<traffic_slot> slots;
    std::vector<std::uint64_t> places;  // as in bpf/traffic_common.h
    std::vector<traffic_block> blocks;
    traffic_control control{};
  };
  [[nodiscard]] traffic_slot* find_slot(Buffer& buffer, const traffic_key& key);

  std::uint64_t seed_;
  std::uint32_t generation_ = 1;
  Buffer buffers_[2];
};

}  // namespace isotach::network
