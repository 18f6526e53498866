// What an emulated path has done: exact counts since it began, for whoever needs the truth.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "network/emulator/settings.h"

namespace isotach::emulator {

// Of one direction of a link. What came in is `packets`; each is delivered, in one of the drops, or still on
// it. Duplicates are delivered beyond that.
struct WayCounters {
  std::uint64_t packets = 0, bytes = 0;
  std::uint64_t delivered = 0, delivered_bytes = 0;
  std::uint64_t dropped_queue = 0, dropped_loss = 0, dropped_police = 0, dropped_too_big = 0, collided = 0;
  std::uint64_t marked = 0, bleached = 0, reordered = 0, duplicated = 0;
  // Cross traffic, of which there are no real packets.
  std::uint64_t cross_offered_bytes = 0, cross_packets = 0, cross_bytes = 0, cross_dropped = 0;
  double busy_ns = 0;           // for which the link carried something, real or not
  double queue_most_bytes = 0;  // that a packet found before it
};

struct LinkStatistics {
  std::array<WaySettings, 2> settings;
  std::array<WayCounters, 2> ways;
};

struct PortStatistics {
  std::string host;
  std::uint64_t received = 0, sent = 0;
  std::uint64_t not_sent = 0;      // the interface did not take them
  std::uint64_t ring_dropped = 0;  // the emulator was too slow to read them
  std::uint64_t capture_lost = 0;  // frames that are missing in the capture
};

struct Statistics {
  double time_ns = 0;  // since the path began
  std::uint64_t on_the_way = 0;
  std::uint64_t no_memory = 0;  // packets dropped because too many were on their way
  Histogram lateness_ns;        // of deliveries, behind the emulated time
  double cpu_ns = 0;
  std::vector<PortStatistics> ports;
  std::vector<LinkStatistics> links;
};

}  // namespace isotach::emulator
