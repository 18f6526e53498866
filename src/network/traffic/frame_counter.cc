#include "network/traffic/frame_counter.h"

#include <cstring>

#include "kernel/packet_ring.h"

struct traffic_frame {
  const isotach::kernel::RingFrame& ring;
};

namespace {

inline int traffic_fetch(const traffic_frame* frame, std::uint32_t at, void* to, std::uint32_t size) {
  if (at > frame->ring.captured || size > frame->ring.captured - at) return 0;
  std::memcpy(to, frame->ring.data + at, size);
  return 1;
}
inline std::uint32_t traffic_length(const traffic_frame* frame) {
  return frame->ring.length;
}
inline int traffic_tag(const traffic_frame* frame) {
  return frame->ring.tag;
}
inline std::uint32_t traffic_type(const traffic_frame* frame) {
  return frame->ring.ether_type;
}

}  // namespace

#define TRAFFIC_FUNCTION static inline
#define traffic_hide(value)
#include "kernel/traffic_count.inc"

namespace isotach::network {

FrameCounter::FrameCounter(std::uint32_t slot_limit, std::uint32_t block_count, std::uint64_t seed)
    : seed_(seed) {
  std::size_t places = 1024;
  while (places < std::size_t{slot_limit} * 2) places *= 2;
  for (Buffer& buffer : buffers_) {
    buffer.slots.resize(slot_limit);
    buffer.places.resize(places);
    buffer.blocks.resize(block_count);
  }
}

kernel::TrafficArea FrameCounter::area(unsigned buffer) {
  Buffer& from = buffers_[buffer];
  return {from.slots.data(), &from.control, from.blocks.data()};
}

traffic_slot* FrameCounter::find_slot(Buffer& buffer, const traffic_key& key) {
  const std::uint64_t hash = traffic_hash(&key, seed_);
  const std::uint32_t check = traffic_check(hash);
  const std::uint32_t mask = static_cast<std::uint32_t>(buffer.places.size()) - 1;
  for (std::uint32_t i = 0; i < TRAFFIC_PROBES; ++i) {
    std::uint64_t& place = buffer.places[(static_cast<std::uint32_t>(hash) + i) & mask];
    if (place >> 32 == generation_) {
      const auto there = static_cast<std::uint32_t>(place);
      if ((there & ~std::uint32_t{TRAFFIC_NUMBER_MASK}) != check) continue;
      traffic_slot& slot = buffer.slots[there & TRAFFIC_NUMBER_MASK];
      if (traffic_same_key(&slot.key, &key) != 0) return &slot;
      continue;
    }
    const std::uint32_t used = buffer.control.used;
    if (used >= buffer.slots.size()) return nullptr;
    buffer.control.used = used + 1;
    traffic_slot& slot = buffer.slots[used];
    slot = {};
    slot.key = key;
    place = std::uint64_t{generation_} << 32 | check | used;
    return &slot;
  }
  return nullptr;
}

void FrameCounter::count(const kernel::RingFrame& frame, std::uint32_t interface, std::uint32_t block,
                         std::uint32_t link_head) {
  Buffer& buffer = buffers_[generation_ & 1];
  const int egress = frame.outgoing ? 1 : 0;
  traffic_frame given{frame};
  traffic_packet packet{};
  packet.key.interface = interface;
  traffic_take_frame(&given, &packet, link_head, egress);
  traffic_direction& way = frame.outgoing ? buffer.blocks[block].out : buffer.blocks[block].in;
  const traffic_tally wire = traffic_add_packet(&way, &packet, frame.segment, 0);
  traffic_slot* slot = find_slot(buffer, packet.key);
  if (slot == nullptr) {
    traffic_add(frame.outgoing ? &buffer.control.overflow_out : &buffer.control.overflow_in, wire.packets,
                wire.bytes);
    return;
  }
  traffic_add_to_slot(slot, &packet, wire, egress);
}

}  // namespace isotach::network
