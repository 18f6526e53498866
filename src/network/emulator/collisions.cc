#include "network/emulator/collisions.h"

namespace isotach::emulator {
namespace {

constexpr double kKeptNs = 1e6;
constexpr double kSlotBits = 512;
constexpr double kGapBits = 96;

}  // namespace

void Collisions::destroy(Packet*& packet, Way& way) {
  if (packet == nullptr) return;
  packet->destroyed = true;
  packet = nullptr;
  ++way.counters.collided;
}

double Collisions::send(Packet& packet, std::size_t direction, double start_ns, double wire_ns,
                        std::array<Way*, 2> ways) {
  for (auto& each : sending_)
    while (!each.empty() && each.front().until_ns < start_ns - kKeptNs) each.pop_front();
  const double bit_ns = 1e9 / ways[direction]->settings().rate_bps;
  const double slot_ns = kSlotBits * bit_ns;
  Packet* self = &packet;
  if (direction == kBToA) {
    for (const Sending& other : sending_[kAToB])  // it hears the carrier, and waits
      if (start_ns >= other.from_ns && start_ns < other.until_ns)
        start_ns = other.until_ns + kGapBits * bit_ns;
    for (Sending& other : sending_[kAToB]) {
      if (other.from_ns <= start_ns || other.from_ns >= start_ns + wire_ns) continue;
      destroy(other.packet, *ways[kAToB]);
      if (other.from_ns - start_ns > slot_ns) destroy(self, *ways[kBToA]);
    }
  } else {
    for (Sending& other : sending_[kBToA]) {
      if (other.from_ns >= start_ns || other.until_ns <= start_ns) continue;
      destroy(self, *ways[kAToB]);
      if (start_ns - other.from_ns > slot_ns) destroy(other.packet, *ways[kBToA]);
    }
  }
  sending_[direction].push_back({start_ns, start_ns + wire_ns, self});
  return start_ns;
}

void Collisions::forget(const Packet& packet) {
  for (auto& each : sending_)
    for (Sending& sending : each)
      if (sending.packet == &packet) sending.packet = nullptr;
}

}  // namespace isotach::emulator
