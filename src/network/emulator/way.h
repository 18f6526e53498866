// One direction of a link: a queue that empties at a rate, and what may happen to packets on the wire. All in
// emulated time (ns since the path began), which only goes forward. Pure.
#pragma once

#include <array>
#include <deque>
#include <optional>

#include "network/emulator/chance.h"
#include "network/emulator/packet.h"
#include "network/emulator/settings.h"
#include "network/emulator/statistics.h"

namespace isotach::emulator {

class Way {
 public:
  explicit Way(std::uint64_t seed) : chance_(seed) {}

  void set(const WaySettings& settings, double now_ns);
  [[nodiscard]] const WaySettings& settings() const { return settings_; }
  // Cross traffic up to now; to be called before anything else happens at that time.
  void catch_up(double now_ns);

  // When the last bit of a packet that comes now has left; nothing: the queue was full, or the policer's
  // bucket empty. A mark may be set, and bits of the header cleared.
  [[nodiscard]] std::optional<double> queue(Packet& packet, double now_ns);
  // Whether the wire loses it.
  [[nodiscard]] bool loses(const Packet& packet);
  // When a packet that left at `left_ns` is at the other end.
  [[nodiscard]] double arrival(const Packet& packet, double left_ns);
  [[nodiscard]] bool doubles(const Packet& packet) {
    return meets_chance(packet) && chance_.happens(settings_.duplicate);
  }

  // The time at which the link is free; a half-duplex partner shares it.
  [[nodiscard]] double free_ns() const { return free_ns_; }
  void keep_busy_until(double time_ns) { free_ns_ = std::max(free_ns_, time_ns); }
  [[nodiscard]] double wire_time_ns(std::size_t bytes) const {
    return settings_.rate_bps > 0
               ? static_cast<double>(bytes + static_cast<std::size_t>(settings_.overhead_bytes)) * 8e9 /
                     settings_.rate_bps
               : 0;
  }

  WayCounters counters;

 private:
  struct CrossSource {
    double next_ns = 0;
    double until_ns = 0;
  };

  void start_cross_traffic(double now_ns);
  void cross_packet(double now_ns, int size);
  [[nodiscard]] int cross_size();
  void catch_up_pareto(double now_ns);
  [[nodiscard]] double queue_limit_bytes() const;
  [[nodiscard]] bool passes_police(std::size_t bytes, double now_ns);
  [[nodiscard]] bool meets_chance(const Packet& packet) const;
  void mark(Packet& packet, double now_ns);

  WaySettings settings_;
  Chance chance_;
  double free_ns_ = 0;
  double last_arrival_ns_ = 0;
  double tokens_bytes_ = 0, tokens_at_ns_ = 0;
  bool in_burst_ = false;
  std::uint64_t meeting_ = 0;  // packets that met chance
  double cross_next_ns_ = 0;
  std::array<CrossSource, 8> cross_sources_{};
};

}  // namespace isotach::emulator
