// An emulated path:  A - r1 - r2 - ... - B,  as many links as asked for. Hosts hang on its nodes: A on the
// first, B on the last, others on routers. Routers take a hop off, and answer: time exceeded, packet too big,
// echo, port unreachable. Packets move in emulated time, whatever time it is when they are looked at. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "network/emulator/collisions.h"
#include "network/emulator/packet.h"
#include "network/emulator/settings.h"
#include "network/emulator/statistics.h"
#include "network/emulator/way.h"

namespace isotach::emulator {

struct Host {
  std::string name;  // "a"
  std::size_t node = 0;
  HostAddress address;
};

// Addresses of the routers and hosts: 10.77.(100+n).1 and fd77:0:0:(0x64+n)::1 for router n, from 1 on.
[[nodiscard]] HostAddress router_address(std::size_t node);
// "a", "b", "x1" (on the first router), "x2" (on the last): 10.77.0.2, 10.77.9.2, 10.77.1.2, 10.77.2.2;
// fd77::2, fd77::9:2, fd77::1:2, fd77::2:2.
[[nodiscard]] std::vector<Host> path_hosts(std::size_t links, bool with_cross_hosts);
[[nodiscard]] std::string address_text(const HostAddress& address, bool v6);

class Path {
 public:
  Path(const PathSettings& settings, std::vector<Host> hosts, std::uint64_t seed,
       std::size_t most_packet_bytes);

  [[nodiscard]] const std::vector<Host>& hosts() const { return hosts_; }
  [[nodiscard]] const PathSettings& settings() const { return settings_; }
  void set(const PathSettings& settings, double now_ns);

  // A packet for what hosts send; nullptr when too many are on their way.
  [[nodiscard]] Packet* new_packet();
  [[nodiscard]] std::size_t most_packet_bytes() const { return pool_.most_bytes(); }
  // It has come from that host.
  void enter(Packet* packet, std::size_t host, double now_ns);

  [[nodiscard]] bool is_empty() const { return events_.empty(); }
  [[nodiscard]] double next_ns() const { return events_.top().at_ns; }
  // Everything up to now; what has arrived at hosts is in arrived(), in order of time.
  void run_until(double now_ns);
  [[nodiscard]] std::vector<Packet*>& arrived() { return arrived_; }
  void give_back(Packet* packet) { pool_.give_back(packet); }
  // Cross traffic up to now, so that counts are of that moment.
  void catch_up(double now_ns);

  void fill(Statistics& statistics) const;

 private:
  struct Link {
    explicit Link(std::uint64_t seed) : ways{Way(seed), Way(seed + 1)} {}
    std::array<Way, 2> ways;
    Collisions collisions;
  };
  struct Event {
    double at_ns;
    std::uint64_t order;
    Packet* packet;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.at_ns != b.at_ns ? a.at_ns > b.at_ns : a.order > b.order;
    }
  };

  void move_at(Packet* packet, double at_ns) { events_.push({at_ns, order_++, packet}); }
  void arrive(Packet* packet, double now_ns);
  void at_router(Packet* packet, std::size_t node, double now_ns);
  void send(Packet* packet, std::size_t link, std::size_t direction, double now_ns);
  void complain(const Packet& packet, Complaint complaint, std::uint32_t mtu, std::size_t node,
                double now_ns);
  [[nodiscard]] std::size_t host_of(const Packet& packet) const;
  [[nodiscard]] std::size_t router_of(const Packet& packet) const;  // 0: none

  PathSettings settings_;
  std::vector<Host> hosts_;
  std::vector<std::unique_ptr<Link>> links_;
  PacketPool pool_;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
  std::uint64_t order_ = 0;
  std::uint64_t no_memory_ = 0;
  std::vector<Packet*> arrived_;
};

}  // namespace isotach::emulator
