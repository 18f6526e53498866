// Snapshots of an invented machine for tests: eth0 and lo, four flows, a second apart.
#pragma once

#include <arpa/inet.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "command/traffic/session.h"
#include "network/traffic/fake_source.h"

namespace isotach::command {

inline network::IpAddress ip(const char* text) {
  network::IpAddress address;
  if (::inet_pton(AF_INET, text, address.bytes.data()) == 1) return address;
  address.version = 6;
  (void)::inet_pton(AF_INET6, text, address.bytes.data());
  return address;
}

inline network::TwoWay two_way(std::uint64_t in_packets, std::uint64_t in_bytes, std::uint64_t out_packets,
                               std::uint64_t out_bytes) {
  return {{in_packets, in_bytes}, {out_packets, out_bytes}};
}

// `second` seconds after the start; every counter grows with them.
inline network::TrafficSnapshot snapshot_at(std::uint64_t second) {
  using network::InterfaceTraffic;
  using network::Tally;
  using network::TcpState;
  using network::TrafficFlow;
  using network::TrafficHost;
  using network::TrafficMethod;
  using network::TrafficProtocol;
  using network::TrafficService;
  using network::TrafficSnapshot;
  using network::TwoWay;
  TrafficSnapshot snapshot;
  snapshot.time = {static_cast<std::int64_t>((100 + second) * kNanosecondsPerSecond),
                   1'795'000'000'000'000'000 + static_cast<std::int64_t>(second * kNanosecondsPerSecond)};
  snapshot.method = TrafficMethod::bpf;
  const auto flow = [&](std::uint64_t id, const char* local, std::uint16_t local_port, const char* remote,
                        std::uint16_t remote_port, std::uint8_t protocol, std::uint32_t owner,
                        TwoWay each_second) {
    TrafficFlow one;
    one.id = id;
    one.interface = 2;
    one.owner = owner;
    one.local = ip(local);
    one.remote = ip(remote);
    one.local_port = local_port;
    one.remote_port = remote_port;
    one.ip_version = one.local.version;
    one.protocol = protocol;
    one.station = {0x02, 0, 0, 0, 0, 0x09};
    one.first_ns = 100 * kNanosecondsPerSecond;
    one.last_ns = snapshot.time.monotonic_ns;
    const auto grown = [&](const Tally& tally) {
      return Tally{tally.packets * second, tally.bytes * second};
    };
    one.traffic = {grown(each_second.in), grown(each_second.out)};
    snapshot.flows.push_back(one);
    TrafficHost host{one.remote, one.traffic};
    snapshot.hosts.push_back(host);
    const std::uint16_t port = std::min(local_port, remote_port);
    for (TrafficService& service : snapshot.services)
      if (service.port == port && service.protocol == protocol) {
        service.traffic += one.traffic;
        return;
      }
    snapshot.services.push_back({port, protocol, one.traffic});
  };
  snapshot.owners = {{0, "(kernel)", "", "", {}},
                     {0, "(unknown)", "", "", {}},
                     {812, "nginx", "web", "/docker/web", {}},
                     {99, "sshd", "", "/system.slice/ssh.service", {}}};
  flow(1, "10.0.0.5", 443, "192.0.2.17", 50312, 6, 2, two_way(100, 10'000, 1000, 1'500'000));
  flow(2, "10.0.0.5", 22, "198.51.100.4", 61021, 6, 3, two_way(10, 1'000, 10, 2'000));
  flow(5, "2001:db8::5", 443, "2001:db8:1:2:3:4:5:6", 40000, 6, 2, two_way(20, 2'000, 30, 40'000));
  flow(9, "10.0.0.5", 40001, "203.0.113.53", 53, 17, 1, two_way(5, 600, 5, 400));
  snapshot.flows[0].state = TcpState::established;
  snapshot.flows[0].rtt_ns = 12'300'000;
  snapshot.flows[0].retransmits = 3;
  snapshot.flows[0].flags_in = 0x12;
  snapshot.flows[0].dscp = 46;
  snapshot.flows[3].vlan = 12;
  snapshot.vlans.push_back({2, 12, snapshot.flows[3].traffic});
  snapshot.owners[1].traffic = snapshot.flows[3].traffic;
  snapshot.owners[2].traffic = snapshot.flows[0].traffic;
  snapshot.owners[2].traffic += snapshot.flows[2].traffic;
  snapshot.owners[3].traffic = snapshot.flows[1].traffic;
  InterfaceTraffic lo;
  lo.index = 1;
  lo.name = "lo";
  lo.loopback = true;
  InterfaceTraffic eth0;
  eth0.index = 2;
  eth0.name = "eth0";
  eth0.address = "02:00:00:00:00:01";
  eth0.speed_bits_s = 1'000'000'000;
  for (const TrafficFlow& each : snapshot.flows) eth0.counted += each.traffic;
  eth0.not_accounted_in = eth0.not_accounted_out = 0;
  eth0.kernel.traffic = eth0.as_carried = eth0.counted;
  eth0.protocols[static_cast<std::size_t>(TrafficProtocol::ipv4)] = eth0.counted;
  eth0.protocols[static_cast<std::size_t>(TrafficProtocol::tcp)] = eth0.counted;
  eth0.protocols[static_cast<std::size_t>(TrafficProtocol::udp)] = snapshot.flows[3].traffic;
  eth0.sizes[1] = two_way(130 * second, 13'000 * second, 0, 0);
  eth0.sizes[5] = two_way(5 * second, 600 * second, 1045 * second, 1'542'400 * second);
  eth0.dscp[46] = snapshot.flows[0].traffic;
  eth0.casts[0] = eth0.counted;
  snapshot.stations.push_back({2, {0x02, 0, 0, 0, 0, 0x09}, eth0.counted, eth0.counted});
  snapshot.interfaces = {lo, eth0};
  snapshot.flows_seen = 4;
  return snapshot;
}

// After so many readings, a second apart.
inline std::unique_ptr<TrafficSession> session_of(std::vector<network::TrafficSnapshot> snapshots) {
  const std::size_t readings = snapshots.size();
  auto session = TrafficSession::begin(std::make_unique<network::FakeTrafficSource>(std::move(snapshots)));
  for (std::size_t i = 1; i < readings; ++i) (void)(*session)->read();
  return std::move(*session);
}

}  // namespace isotach::command
