#include "network/traffic/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>

namespace isotach::network {
namespace {

struct ByName {
  std::string_view name, plural;
};
constexpr std::array<ByName, kTrafficBys> kByNames = {{{"protocol", "protocols"},
                                                       {"interface", "interfaces"},
                                                       {"flow", "flows"},
                                                       {"host", "hosts"},
                                                       {"station", "stations"},
                                                       {"port", "ports"},
                                                       {"process", "processes"},
                                                       {"container", "containers"},
                                                       {"size", "sizes"},
                                                       {"vlan", "VLANs"},
                                                       {"dscp", "DSCP classes"},
                                                       {"cast", "casts"}}};

// A hash that keeps things apart; 64 bits of it are enough to follow a hundred thousand rows.
std::uint64_t hash_of(std::string_view bytes) {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (const char c : bytes) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100'0000'01b3;
  return hash ^ hash >> 29;
}

std::uint64_t station_number(const std::array<std::uint8_t, 6>& station) {
  std::uint64_t number = 0;
  for (const std::uint8_t byte : station) number = number << 8 | byte;
  return number;
}

std::uint64_t host_key(const IpAddress& address) {
  return hash_of({reinterpret_cast<const char*>(address.bytes.data()), 16}) ^ address.version;
}
std::uint64_t station_key(std::uint32_t interface, const std::array<std::uint8_t, 6>& station) {
  return station_number(station) ^ std::uint64_t{interface} << 48;
}
std::uint64_t service_key(std::uint16_t port, std::uint8_t protocol) {
  return port | std::uint64_t{protocol} << 16;
}
std::uint64_t owner_key(const TrafficOwner& owner) {
  return hash_of(owner.command) ^ owner.pid;
}
std::uint64_t vlan_key(std::uint32_t interface, std::uint16_t id) {
  return id | std::uint64_t{interface} << 16;
}

void add(TwoWayRate& sum, const TwoWayRate& more) {
  sum.in.packets_s += more.in.packets_s;
  sum.in.bytes_s += more.in.bytes_s;
  sum.out.packets_s += more.out.packets_s;
  sum.out.bytes_s += more.out.bytes_s;
}

TwoWayRate rate_at(const std::vector<TwoWayRate>& rates, std::size_t index) {
  return index < rates.size() ? rates[index] : TwoWayRate{};
}

// Loopback counts only where nothing else is counted.
bool leaves_loopback_out(const TrafficSnapshot& snapshot) {
  return std::any_of(snapshot.interfaces.begin(), snapshot.interfaces.end(),
                     [](const InterfaceTraffic& interface) { return !interface.loopback; });
}

template <class Row, class Key>
std::vector<TrafficGroup> of_rows(const std::vector<Row>& rows, const std::vector<TwoWayRate>* rates,
                                  Key key) {
  std::vector<TrafficGroup> groups;
  groups.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    groups.push_back(
        {i, key(rows[i]), rows[i].traffic, rates == nullptr ? TwoWayRate{} : rate_at(*rates, i)});
  return groups;
}

// Sums of an array that each interface has; what never happened is left out.
template <std::size_t size>
std::vector<TrafficGroup> of_arrays(const TrafficSnapshot& snapshot, const TrafficRates* rates,
                                    std::array<TwoWay, size> InterfaceTraffic::*counts,
                                    std::array<TwoWayRate, size> InterfaceRates::*speeds) {
  const bool no_loopback = leaves_loopback_out(snapshot);
  std::vector<TrafficGroup> all(size);
  for (std::size_t at = 0; at < snapshot.interfaces.size(); ++at) {
    const InterfaceTraffic& interface = snapshot.interfaces[at];
    if (interface.loopback && no_loopback) continue;
    for (std::size_t i = 0; i < size; ++i) {
      all[i].index = i;
      all[i].key = i;
      all[i].traffic += (interface.*counts)[i];
      if (rates != nullptr && at < rates->interfaces.size())
        add(all[i].rate, (rates->interfaces[at].*speeds)[i]);
    }
  }
  std::vector<TrafficGroup> groups;
  for (const TrafficGroup& group : all)
    if (group.traffic.packets() > 0) groups.push_back(group);
  return groups;
}

std::vector<TrafficGroup> of_interfaces(const TrafficSnapshot& snapshot, const TrafficRates* rates) {
  const bool unseen = snapshot.method == TrafficMethod::counters;
  std::vector<TrafficGroup> groups;
  for (std::size_t i = 0; i < snapshot.interfaces.size(); ++i) {
    const InterfaceTraffic& interface = snapshot.interfaces[i];
    TrafficGroup group{i, interface.index, unseen ? interface.kernel.traffic : interface.counted, {}};
    if (rates != nullptr && i < rates->interfaces.size())
      group.rate = unseen ? rates->interfaces[i].kernel : rates->interfaces[i].counted;
    groups.push_back(group);
  }
  return groups;
}

std::vector<TrafficGroup> of_containers(const TrafficSnapshot& snapshot, const TrafficRates* rates) {
  std::map<std::string_view, std::size_t> places;
  std::vector<TrafficGroup> groups;
  for (std::size_t i = 0; i < snapshot.owners.size(); ++i) {
    const TrafficOwner& owner = snapshot.owners[i];
    const auto [place, is_new] = places.try_emplace(owner.container, groups.size());
    if (is_new) groups.push_back({i, hash_of(owner.container), {}, {}});
    TrafficGroup& group = groups[place->second];
    group.traffic += owner.traffic;
    if (rates != nullptr) add(group.rate, rate_at(rates->owners, i));
  }
  std::erase_if(groups, [](const TrafficGroup& group) { return group.traffic.packets() == 0; });
  return groups;
}

// The port that says what a flow is for is the one of the two that the source lists as a service.
bool flow_has_service(const TrafficFlow& flow, std::uint64_t key) {
  return service_key(flow.local_port, flow.protocol) == key ||
         service_key(flow.remote_port, flow.protocol) == key;
}

bool flow_has_protocol(const TrafficFlow& flow, std::uint64_t key) {
  switch (static_cast<TrafficProtocol>(key)) {
    case TrafficProtocol::ipv4:
      return flow.ip_version == 4;
    case TrafficProtocol::ipv6:
      return flow.ip_version == 6;
    case TrafficProtocol::arp:
      return flow.ip_version == 0 && flow.ether_type == 0x0806;
    case TrafficProtocol::not_ip:
      return flow.ip_version == 0 && flow.ether_type != 0x0806;
    case TrafficProtocol::tcp:
      return flow.ip_version != 0 && flow.protocol == 6;
    case TrafficProtocol::udp:
      return flow.ip_version != 0 && flow.protocol == 17;
    case TrafficProtocol::icmp:
      return flow.ip_version == 4 && flow.protocol == 1;
    case TrafficProtocol::icmpv6:
      return flow.ip_version == 6 && flow.protocol == 58;
    case TrafficProtocol::other_ip:
      break;
  }
  return flow.ip_version != 0 && flow.protocol != 6 && flow.protocol != 17 &&
         !(flow.ip_version == 4 && flow.protocol == 1) && !(flow.ip_version == 6 && flow.protocol == 58);
}

bool in_scope(const TrafficSnapshot& snapshot, const TrafficFlow& flow, const TrafficScope& scope) {
  static const TrafficOwner kNobody;
  const TrafficOwner& owner = flow.owner < snapshot.owners.size() ? snapshot.owners[flow.owner] : kNobody;
  switch (scope.by) {
    case TrafficBy::host:
      return flow.ip_version != 0 && host_key(flow.remote) == scope.key;
    case TrafficBy::station:
      return station_key(flow.interface, flow.station) == scope.key;
    case TrafficBy::port:
      return flow_has_service(flow, scope.key);
    case TrafficBy::process:
      return owner_key(owner) == scope.key;
    case TrafficBy::container:
      return hash_of(owner.container) == scope.key;
    case TrafficBy::vlan:
      return flow.vlan != 0 && vlan_key(flow.interface, flow.vlan) == scope.key;
    case TrafficBy::dscp:
      return flow.ip_version != 0 && flow.dscp == scope.key;
    case TrafficBy::interface:
      return flow.interface == scope.key;
    case TrafficBy::protocol:
      return flow_has_protocol(flow, scope.key);
    case TrafficBy::flow:
      return flow.id == scope.key;
    case TrafficBy::size:
    case TrafficBy::cast:
      break;
  }
  return true;
}

}  // namespace

std::string_view traffic_by_name(TrafficBy by) {
  return kByNames[static_cast<std::size_t>(by)].name;
}

std::string_view traffic_by_plural(TrafficBy by) {
  return kByNames[static_cast<std::size_t>(by)].plural;
}

std::optional<TrafficBy> traffic_by(std::string_view name) {
  for (std::size_t i = 0; i < kTrafficBys; ++i)
    if (kByNames[i].name == name) return static_cast<TrafficBy>(i);
  return std::nullopt;
}

bool can_scope(TrafficBy by) {
  return by != TrafficBy::size && by != TrafficBy::cast;
}

std::vector<TrafficGroup> traffic_groups(const TrafficSnapshot& snapshot, const TrafficRates* rates,
                                         TrafficBy by, const std::optional<TrafficScope>& scope) {
  switch (by) {
    case TrafficBy::protocol:
      return of_arrays(snapshot, rates, &InterfaceTraffic::protocols, &InterfaceRates::protocols);
    case TrafficBy::interface:
      return of_interfaces(snapshot, rates);
    case TrafficBy::flow: {
      auto groups = of_rows(snapshot.flows, rates == nullptr ? nullptr : &rates->flows,
                            [](const TrafficFlow& flow) { return flow.id; });
      if (scope)
        std::erase_if(groups, [&](const TrafficGroup& group) {
          return !in_scope(snapshot, snapshot.flows[group.index], *scope);
        });
      return groups;
    }
    case TrafficBy::host:
      return of_rows(snapshot.hosts, rates == nullptr ? nullptr : &rates->hosts,
                     [](const TrafficHost& host) { return host_key(host.address); });
    case TrafficBy::station:
      return of_rows(
          snapshot.stations, rates == nullptr ? nullptr : &rates->stations,
          [](const TrafficStation& station) { return station_key(station.interface, station.address); });
    case TrafficBy::port:
      return of_rows(
          snapshot.services, rates == nullptr ? nullptr : &rates->services,
          [](const TrafficService& service) { return service_key(service.port, service.protocol); });
    case TrafficBy::process: {
      auto groups = of_rows(snapshot.owners, rates == nullptr ? nullptr : &rates->owners, owner_key);
      std::erase_if(groups, [](const TrafficGroup& group) { return group.traffic.packets() == 0; });
      return groups;
    }
    case TrafficBy::container:
      return of_containers(snapshot, rates);
    case TrafficBy::size:
      return of_arrays(snapshot, rates, &InterfaceTraffic::sizes, &InterfaceRates::sizes);
    case TrafficBy::vlan:
      return of_rows(snapshot.vlans, rates == nullptr ? nullptr : &rates->vlans,
                     [](const TrafficVlan& vlan) { return vlan_key(vlan.interface, vlan.id); });
    case TrafficBy::dscp:
      return of_arrays(snapshot, rates, &InterfaceTraffic::dscp, &InterfaceRates::dscp);
    case TrafficBy::cast:
      break;
  }
  return of_arrays(snapshot, rates, &InterfaceTraffic::casts, &InterfaceRates::casts);
}

void sort_groups(std::vector<TrafficGroup>& groups, TrafficSort sort, std::size_t wanted) {
  const auto before = [sort](const TrafficGroup& a, const TrafficGroup& b) {
    const double left = detail::sort_value(sort, a.traffic, a.rate);
    const double right = detail::sort_value(sort, b.traffic, b.rate);
    if (left != right) return left > right;
    if (a.traffic.bytes() != b.traffic.bytes()) return a.traffic.bytes() > b.traffic.bytes();
    return a.index < b.index;
  };
  const std::size_t ordered = wanted == 0 ? groups.size() : std::min(wanted, groups.size());
  std::partial_sort(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(ordered), groups.end(),
                    before);
}

TwoWay traffic_total(const TrafficSnapshot& snapshot) {
  const bool no_loopback = leaves_loopback_out(snapshot);
  TwoWay total;
  for (const InterfaceTraffic& interface : snapshot.interfaces) {
    if (interface.loopback && no_loopback) continue;
    total += snapshot.method == TrafficMethod::counters ? interface.kernel.traffic : interface.counted;
  }
  return total;
}

TwoWayRate traffic_total_rate(const TrafficSnapshot& snapshot, const TrafficRates& rates) {
  const bool no_loopback = leaves_loopback_out(snapshot);
  TwoWayRate total;
  for (std::size_t i = 0; i < snapshot.interfaces.size() && i < rates.interfaces.size(); ++i) {
    if (snapshot.interfaces[i].loopback && no_loopback) continue;
    add(total, snapshot.method == TrafficMethod::counters ? rates.interfaces[i].kernel
                                                          : rates.interfaces[i].counted);
  }
  return total;
}

}  // namespace isotach::network
