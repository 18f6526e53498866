// A link whose ends disagree about duplex: A's end sends whenever it likes, B's end listens first and backs
// off. Where both send at once both frames are destroyed; B's end repeats its own when the collision comes
// within the first 64 bytes (which is not counted as a loss), and believes it sent when it comes later. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <deque>

#include "network/emulator/packet.h"
#include "network/emulator/way.h"

namespace isotach::emulator {

class Collisions {
 public:
  // A packet begins to be sent at `start_ns` and takes `wire_ns`, at `rate_bps`; returns when it begins
  // indeed. Marks what is destroyed, and counts it.
  [[nodiscard]] double send(Packet& packet, std::size_t direction, double start_ns, double wire_ns,
                            std::array<Way*, 2> ways);
  // The packet has left the link: it can no longer be destroyed.
  void forget(const Packet& packet);

 private:
  struct Sending {
    double from_ns, until_ns;
    Packet* packet;
  };
  static void destroy(Packet*& packet, Way& way);

  std::array<std::deque<Sending>, 2> sending_;
};

}  // namespace isotach::emulator
