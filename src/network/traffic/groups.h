// The rows of a snapshot by what one asks for: flows, hosts, ports, packet sizes, ...; each with a key that
// stays the same from snapshot to snapshot, its counts and its rates. Pure.
//
// Loopback interfaces are left out of protocols, casts, sizes, DSCP classes and of the total, as long as
// others are counted too: what goes over loopback counts twice, in and out, and leaves the machine never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "network/traffic/rates.h"
#include "network/traffic/snapshot.h"

namespace isotach::network {

enum class TrafficBy : std::uint8_t {
  protocol,
  interface,
  flow,
  host,
  station,
  port,
  process,
  container,
  size,
  vlan,
  dscp,
  cast,
};
inline constexpr std::size_t kTrafficBys = 12;
// "protocol", "flow": as --by takes it and JSON says it.
[[nodiscard]] std::string_view traffic_by_name(TrafficBy by);
[[nodiscard]] std::optional<TrafficBy> traffic_by(std::string_view name);
// "protocols", "flows", "processes".
[[nodiscard]] std::string_view traffic_by_plural(TrafficBy by);

struct TrafficGroup {
  std::size_t index =
      0;  // of the snapshot's row; of a protocol, size, ...; of a container: of its first owner
  std::uint64_t key = 0;  // the same thing has the same key in all snapshots of a source
  TwoWay traffic;
  TwoWayRate rate;
};

// What the flows are narrowed down to: those of one group of another kind.
struct TrafficScope {
  TrafficBy by = TrafficBy::host;
  std::uint64_t key = 0;
};

// In the snapshot's order. `rates` may be nullptr: then all rates are 0. With a scope only of flows.
[[nodiscard]] std::vector<TrafficGroup> traffic_groups(const TrafficSnapshot& snapshot,
                                                       const TrafficRates* rates, TrafficBy by,
                                                       const std::optional<TrafficScope>& scope = {});
// Puts the largest first; only so many of them need to be in order. 0: all.
void sort_groups(std::vector<TrafficGroup>& groups, TrafficSort sort, std::size_t wanted = 0);

// Whether flows can be narrowed down to groups of this kind.
[[nodiscard]] bool can_scope(TrafficBy by);

// All of the interfaces, as the comment above says.
[[nodiscard]] TwoWay traffic_total(const TrafficSnapshot& snapshot);
[[nodiscard]] TwoWayRate traffic_total_rate(const TrafficSnapshot& snapshot, const TrafficRates& rates);

// One thing to know about a group.
struct TrafficAttribute {
  std::string_view key;  // "remote_port": a JSON key, a CSV head
  bool is_number = false;
  std::string text;  // empty: not known
  Value number;
};
// The same keys in the same order for each group of a kind; numbers that are not known are missing.
[[nodiscard]] std::vector<TrafficAttribute> traffic_attributes(const TrafficSnapshot& snapshot, TrafficBy by,
                                                               const TrafficGroup& group);
// What to call it in one cell: "tcp 10.0.0.1:443 192.0.2.7:51000", "443/tcp https".
[[nodiscard]] std::string traffic_group_name(const TrafficSnapshot& snapshot, TrafficBy by,
                                             const TrafficGroup& group);

[[nodiscard]] std::string ip_protocol_name(std::uint8_t protocol);    // "tcp", "89"
[[nodiscard]] std::string ether_type_name(std::uint16_t ether_type);  // "ARP", "0x88cc"
// The reverse; 0 for what is no such name.
[[nodiscard]] std::uint8_t ip_protocol_number(std::string_view name);
[[nodiscard]] std::uint16_t ether_type_number(std::string_view name);
[[nodiscard]] std::string station_text(const std::array<std::uint8_t, 6>& station);
[[nodiscard]] std::string dscp_name(std::size_t dscp);         // "EF", "CS1", "AF11", "default", "7"
[[nodiscard]] std::string tcp_flags_text(std::uint8_t flags);  // "SYN ACK FIN"
[[nodiscard]] std::string_view service_name(std::uint16_t port,
                                            std::uint8_t protocol);     // "https"; may be empty
[[nodiscard]] std::string flow_protocol_text(const TrafficFlow& flow);  // "tcp", "ARP", "icmp"
// "10.0.0.1:443", "10.0.0.1" where there are no ports, "" where there is no address.
[[nodiscard]] std::string flow_end_text(const TrafficFlow& flow, bool local);

}  // namespace isotach::network
