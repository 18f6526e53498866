#include "network/emulator/path.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace isotach::emulator {
namespace {

constexpr std::size_t kMostPackets = 262'144;
constexpr std::uint64_t kSeedsALink = 2;

HostAddress address(const std::string& v4, const std::string& v6) {
  HostAddress result;
  CHECK(::inet_pton(AF_INET, v4.c_str(), &result.v4) == 1);
  CHECK(::inet_pton(AF_INET6, v6.c_str(), &result.v6) == 1);
  return result;
}

}  // namespace

HostAddress router_address(std::size_t node) {
  HostAddress result = address("10.77.0.1", "fd77::1");
  const auto number = static_cast<std::uint8_t>(100 + node);
  reinterpret_cast<std::uint8_t*>(&result.v4)[2] = number;
  result.v6.s6_addr[7] = number;
  return result;
}

std::vector<Host> path_hosts(std::size_t links, bool with_cross_hosts) {
  std::vector<Host> hosts = {{"a", 0, address("10.77.0.2", "fd77::2")},
                             {"b", links, address("10.77.9.2", "fd77::9:2")}};
  if (with_cross_hosts && links > 1) {
    hosts.push_back({"x1", 1, address("10.77.1.2", "fd77::1:2")});
    hosts.push_back({"x2", links - 1, address("10.77.2.2", "fd77::2:2")});
  }
  return hosts;
}

std::string address_text(const HostAddress& address, bool v6) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = v6 ? static_cast<const void*>(&address.v6) : &address.v4;
  ::inet_ntop(v6 ? AF_INET6 : AF_INET, bytes, text.data(), text.size());
  return text.data();
}

Path::Path(const PathSettings& settings, std::vector<Host> hosts, std::uint64_t seed,
           std::size_t most_packet_bytes)
    : hosts_(std::move(hosts)), pool_(most_packet_bytes, kMostPackets) {
  for (std::size_t i = 0; i < settings.size(); ++i)
    links_.push_back(std::make_unique<Link>(seed * kMostLinks * kSeedsALink + i * kSeedsALink));
  set(settings, 0);
}

void Path::set(const PathSettings& settings, double now_ns) {
  CHECK(settings.size() == links_.size());
  settings_ = settings;
  for (std::size_t i = 0; i < links_.size(); ++i)
    for (std::size_t way = 0; way < 2; ++way) links_[i]->ways[way].set(settings[i].ways[way], now_ns);
}

Packet* Path::new_packet() {
  Packet* packet = pool_.take();
  if (packet == nullptr) ++no_memory_;
  return packet;
}

std::size_t Path::host_of(const Packet& packet) const {
  for (std::size_t i = 0; i < hosts_.size(); ++i)
    if (is_to(packet, hosts_[i].address)) return i;
  return kNoHost;
}

std::size_t Path::router_of(const Packet& packet) const {
  for (std::size_t node = 1; node < links_.size(); ++node)
    if (is_to(packet, router_address(node))) return node;
  return 0;
}

void Path::enter(Packet* packet, std::size_t host, double now_ns) {
  packet->node = hosts_[host].node;
  packet->host = host_of(*packet);
  if (packet->host == host || is_multicast(*packet)) {
    pool_.give_back(packet);
    return;
  }
  move_at(packet, now_ns);
}

void Path::run_until(double now_ns) {
  while (!events_.empty() && events_.top().at_ns <= now_ns) {
    const Event event = events_.top();
    events_.pop();
    arrive(event.packet, event.at_ns);
  }
}

void Path::arrive(Packet* packet, double now_ns) {
  for (auto& link : links_) link->collisions.forget(*packet);
  if (packet->destroyed) {
    pool_.give_back(packet);
    return;
  }
  if (packet->way != nullptr) {
    ++packet->way->delivered;
    packet->way->delivered_bytes += packet->size;
  }
  const std::size_t node = packet->node;
  if (packet->host != kNoHost && hosts_[packet->host].node == node) {
    packet->due_ns = now_ns;
    arrived_.push_back(packet);
    return;
  }
  at_router(packet, node, now_ns);
}

void Path::at_router(Packet* packet, std::size_t node, double now_ns) {
  std::size_t to = 0;
  if (packet->host != kNoHost) {
    to = hosts_[packet->host].node;
  } else {
    to = router_of(*packet);
    if (to == 0) {  // to nobody
      pool_.give_back(packet);
      return;
    }
    if (to == node) {
      if (turn_to_echo_reply(*packet)) {
        packet->host = host_of(*packet);
        if (packet->host != kNoHost) {
          move_at(packet, now_ns);
          return;
        }
      } else if (is_udp(*packet)) {
        complain(*packet, Complaint::port_unreachable, 0, node, now_ns);
      }
      pool_.give_back(packet);
      return;
    }
  }
  const bool is_router = node > 0 && node < links_.size();
  if (is_router && !take_hop(*packet)) {
    complain(*packet, Complaint::hops_used_up, 0, node, now_ns);
    pool_.give_back(packet);
    return;
  }
  send(packet, to > node ? node : node - 1, to > node ? kAToB : kBToA, now_ns);
}

void Path::complain(const Packet& packet, Complaint complaint, std::uint32_t mtu, std::size_t node,
                    double now_ns) {
  Packet* answer = new_packet();
  if (answer == nullptr) return;
  answer->node = node;
  if (!write_complaint(packet, complaint, mtu, router_address(node), *answer) ||
      (answer->host = host_of(*answer)) == kNoHost) {
    pool_.give_back(answer);
    return;
  }
  move_at(answer, now_ns);
}

void Path::send(Packet* packet, std::size_t number, std::size_t direction, double now_ns) {
  Link& link = *links_[number];
  const LinkSettings& settings = settings_[number];
  Way& way = link.ways[direction];
  Way& other = link.ways[1 - direction];
  const std::size_t from = direction == kAToB ? number : number + 1;
  ++way.counters.packets;
  way.counters.bytes += packet->size;
  way.catch_up(now_ns);
  if (packet->size > static_cast<std::size_t>(way.settings().mtu_bytes)) {
    ++way.counters.dropped_too_big;
    if (!way.settings().black_hole)
      complain(*packet, Complaint::too_big, static_cast<std::uint32_t>(way.settings().mtu_bytes), from,
               now_ns);
    pool_.give_back(packet);
    return;
  }
  if (settings.half_duplex) {
    other.catch_up(now_ns);
    way.keep_busy_until(other.free_ns());
  }
  const auto left_ns = way.queue(*packet, now_ns);
  if (!left_ns) {
    pool_.give_back(packet);
    return;
  }
  double at_ns = *left_ns;
  if (settings.duplex_mismatch && way.settings().rate_bps > 0) {
    const double wire_ns = way.wire_time_ns(packet->size);
    at_ns = link.collisions.send(*packet, direction, at_ns - wire_ns, wire_ns,
                                 {&link.ways[kAToB], &link.ways[kBToA]}) +
            wire_ns;
    way.keep_busy_until(at_ns);
  }
  if (settings.half_duplex) other.keep_busy_until(at_ns);
  if (way.loses(*packet)) {
    ++way.counters.dropped_loss;
    link.collisions.forget(*packet);
    pool_.give_back(packet);
    return;
  }
  at_ns = way.arrival(*packet, at_ns);
  packet->way = &way.counters;
  packet->node = direction == kAToB ? number + 1 : number;
  if (way.doubles(*packet)) {
    if (Packet* twin = new_packet()) {
      std::memcpy(twin->bytes, packet->bytes, packet->size);
      twin->size = packet->size;
      twin->node = packet->node;
      twin->host = packet->host;
      twin->way = packet->way;
      ++way.counters.duplicated;
      move_at(twin, at_ns);
    }
  }
  move_at(packet, at_ns);
}

void Path::catch_up(double now_ns) {
  for (auto& link : links_)
    for (Way& way : link->ways) way.catch_up(now_ns);
}

void Path::fill(Statistics& statistics) const {
  statistics.on_the_way = events_.size();
  statistics.no_memory = no_memory_;
  for (const auto& link : links_) {
    LinkStatistics& each = statistics.links.emplace_back();
    for (std::size_t way = 0; way < 2; ++way) {
      each.settings[way] = link->ways[way].settings();
      each.ways[way] = link->ways[way].counters;
    }
  }
}

}  // namespace isotach::emulator
