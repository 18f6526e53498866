#include "network/emulator/way.h"

#include <algorithm>

namespace isotach::emulator {
namespace {

constexpr double kMixedMean = 40 * 0.5 + 576 * 0.25 + 1500 * 0.25;
constexpr std::uint8_t kEcnBits = 3;

}  // namespace

void Way::set(const WaySettings& settings, double now_ns) {
  catch_up(now_ns);
  const WaySettings before = settings_;
  settings_ = settings;
  // What waits leaves at the new rate.
  if (before.rate_bps > 0 && settings.rate_bps > 0 && free_ns_ > now_ns)
    free_ns_ = now_ns + (free_ns_ - now_ns) * before.rate_bps / settings.rate_bps;
  if (before.delay_ns != settings.delay_ns || before.jitter_ns != settings.jitter_ns) last_arrival_ns_ = 0;
  if (before.police_bps != settings.police_bps || before.police_bytes != settings.police_bytes) {
    tokens_bytes_ = settings.police_bytes;
    tokens_at_ns_ = now_ns;
  }
  const CrossTraffic& was = before.cross;
  const CrossTraffic& is = settings.cross;
  if (was.model != is.model || was.rate_bps != is.rate_bps || was.burst_ns != is.burst_ns ||
      (before.rate_bps > 0) != (settings.rate_bps > 0))
    start_cross_traffic(now_ns);
}

void Way::start_cross_traffic(double now_ns) {
  cross_next_ns_ = now_ns;
  for (CrossSource& source : cross_sources_) {
    source.next_ns = now_ns + chance_.uniform() * settings_.cross.burst_ns * 2;
    source.until_ns = source.next_ns + chance_.pareto(settings_.cross.burst_ns);
  }
}

int Way::cross_size() {
  if (settings_.cross.size_bytes > 0) return settings_.cross.size_bytes;
  const double which = chance_.uniform();
  return which < 0.5 ? 40 : which < 0.75 ? 576 : 1500;
}

double Way::queue_limit_bytes() const {
  if (settings_.queue_ns > 0 && settings_.rate_bps > 0) return settings_.queue_ns * settings_.rate_bps / 8e9;
  return settings_.queue_bytes;
}

void Way::cross_packet(double now_ns, int size) {
  counters.cross_offered_bytes += static_cast<std::uint64_t>(size);
  free_ns_ = std::max(free_ns_, now_ns);
  const double limit = queue_limit_bytes();
  if (limit > 0 && (free_ns_ - now_ns) * settings_.rate_bps / 8e9 + size > limit) {
    ++counters.cross_dropped;
    return;
  }
  const double time_ns = wire_time_ns(static_cast<std::size_t>(size));
  free_ns_ += time_ns;
  counters.busy_ns += time_ns;
  ++counters.cross_packets;
  counters.cross_bytes += static_cast<std::uint64_t>(size);
}

void Way::catch_up_pareto(double now_ns) {
  const double burst_ns = settings_.cross.burst_ns;
  const double rate_while_sending =
      settings_.cross.rate_bps / (static_cast<double>(cross_sources_.size()) * 0.5);
  while (true) {
    CrossSource& source =
        *std::min_element(cross_sources_.begin(), cross_sources_.end(),
                          [](const CrossSource& a, const CrossSource& b) { return a.next_ns < b.next_ns; });
    if (source.next_ns > now_ns) return;
    if (source.next_ns >= source.until_ns) {
      // What was left of the gap to the next packet is left in the next burst: else each burst, however
      // short, would send a packet.
      const double left_ns = source.next_ns - source.until_ns;
      const double begins_ns = source.until_ns + chance_.pareto(burst_ns);
      source.until_ns = begins_ns + chance_.pareto(burst_ns);
      source.next_ns = begins_ns + left_ns;
      continue;
    }
    const int size = cross_size();
    cross_packet(source.next_ns, size);
    source.next_ns += size * 8e9 / rate_while_sending;
  }
}

void Way::catch_up(double now_ns) {
  const CrossTraffic& cross = settings_.cross;
  if (cross.model == CrossModel::off || cross.rate_bps <= 0 || settings_.rate_bps <= 0) return;
  if (cross.model == CrossModel::pareto) {
    catch_up_pareto(now_ns);
    return;
  }
  while (cross_next_ns_ <= now_ns) {
    const int size = cross_size();
    cross_packet(cross_next_ns_, size);
    const double mean = cross.size_bytes > 0 ? cross.size_bytes : kMixedMean;
    cross_next_ns_ += cross.model == CrossModel::cbr ? size * 8e9 / cross.rate_bps
                                                     : chance_.exponential(mean * 8e9 / cross.rate_bps);
  }
}

bool Way::passes_police(std::size_t bytes, double now_ns) {
  tokens_bytes_ =
      std::min(settings_.police_bytes, tokens_bytes_ + (now_ns - tokens_at_ns_) * settings_.police_bps / 8e9);
  tokens_at_ns_ = now_ns;
  if (tokens_bytes_ < static_cast<double>(bytes)) return false;
  tokens_bytes_ -= static_cast<double>(bytes);
  return true;
}

void Way::mark(Packet& packet, double now_ns) {
  const std::uint8_t before = type_of_service(packet);
  std::uint8_t after = before;
  const bool capable = (before & kEcnBits) == 1 || (before & kEcnBits) == 2;
  if (settings_.mark_ns > 0 && capable && free_ns_ - now_ns > settings_.mark_ns) {
    after |= kEcnBits;
    ++counters.marked;
  }
  std::uint8_t cleared = after;
  if (settings_.bleach == Bleach::ecn || settings_.bleach == Bleach::both) cleared &= ~kEcnBits & 0xff;
  if (settings_.bleach == Bleach::dscp || settings_.bleach == Bleach::both) cleared &= kEcnBits;
  if (cleared != after) ++counters.bleached;
  if (cleared != before) set_type_of_service(packet, cleared);
}

std::optional<double> Way::queue(Packet& packet, double now_ns) {
  if (settings_.police_bps > 0 && !passes_police(packet.size, now_ns)) {
    ++counters.dropped_police;
    return std::nullopt;
  }
  free_ns_ = std::max(free_ns_, now_ns);
  if (settings_.rate_bps <= 0) {
    mark(packet, now_ns);
    return now_ns;
  }
  const double waiting_bytes = (free_ns_ - now_ns) * settings_.rate_bps / 8e9;
  counters.queue_most_bytes = std::max(counters.queue_most_bytes, waiting_bytes);
  const double limit = queue_limit_bytes();
  if (limit > 0 && waiting_bytes + static_cast<double>(packet.size) > limit) {
    ++counters.dropped_queue;
    return std::nullopt;
  }
  mark(packet, now_ns);
  const double time_ns = wire_time_ns(packet.size);
  free_ns_ += time_ns;
  counters.busy_ns += time_ns;
  return free_ns_;
}

bool Way::meets_chance(const Packet& packet) const {
  switch (settings_.chance) {
    case MetBy::all:
      return true;
    case MetBy::udp:
      return is_udp(packet);
    case MetBy::tcp:
      return is_tcp(packet);
    case MetBy::tcp_data:
      break;
  }
  return has_tcp_data(packet);
}

bool Way::loses(const Packet& packet) {
  if (!meets_chance(packet)) return false;
  ++meeting_;
  bool lost = chance_.happens(settings_.loss);
  if (settings_.lose_every > 0 && meeting_ % settings_.lose_every == 0) lost = true;
  if (settings_.burst_enter > 0) {
    if (chance_.happens(in_burst_ ? settings_.burst_leave : settings_.burst_enter)) in_burst_ = !in_burst_;
    if (chance_.happens(in_burst_ ? settings_.burst_loss : settings_.burst_between)) lost = true;
  }
  return lost;
}

double Way::arrival(const Packet& packet, double left_ns) {
  double at_ns = left_ns + settings_.delay_ns;
  if (settings_.jitter_ns > 0) at_ns += chance_.uniform() * settings_.jitter_ns;
  if (meets_chance(packet) && chance_.happens(settings_.reorder)) {
    ++counters.reordered;
    return at_ns + settings_.reorder_ns;
  }
  if (settings_.keeps_order) {
    at_ns = std::max(at_ns, last_arrival_ns_);
    last_arrival_ns_ = at_ns;
  }
  return at_ns;
}

}  // namespace isotach::emulator
