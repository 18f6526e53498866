#include "network/traffic/accounts.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>

#include "network/packet/packet.h"
#include "network/packet/tcp_header.h"

namespace isotach::network {
namespace {

constexpr std::uint16_t kFirstUserPort = 1024;
// A TCP connection that both ends have closed is kept this long for those who look.
constexpr std::int64_t kClosedKeptNs = 10 * kNanosecondsPerSecond;

Tally growth(const traffic_tally& before, const traffic_tally& now) {
  return {now.packets - before.packets, now.bytes - before.bytes};
}

std::uint16_t swapped(std::uint16_t value) {
  return __builtin_bswap16(value);
}

struct KindProtocols {
  TrafficProtocol network, transport;
  bool has_transport;
};
constexpr std::array<KindProtocols, TRAFFIC_KINDS> kKinds{{
    {TrafficProtocol::ipv4, TrafficProtocol::tcp, true},
    {TrafficProtocol::ipv4, TrafficProtocol::udp, true},
    {TrafficProtocol::ipv4, TrafficProtocol::icmp, true},
    {TrafficProtocol::ipv4, TrafficProtocol::icmpv6, true},
    {TrafficProtocol::ipv4, TrafficProtocol::other_ip, true},
    {TrafficProtocol::ipv6, TrafficProtocol::tcp, true},
    {TrafficProtocol::ipv6, TrafficProtocol::udp, true},
    {TrafficProtocol::ipv6, TrafficProtocol::icmp, true},
    {TrafficProtocol::ipv6, TrafficProtocol::icmpv6, true},
    {TrafficProtocol::ipv6, TrafficProtocol::other_ip, true},
    {TrafficProtocol::arp, TrafficProtocol::arp, false},
    {TrafficProtocol::not_ip, TrafficProtocol::not_ip, false},
}};

// The same field of one direction of both.
Tally& way(TwoWay& both, bool out) {
  return out ? both.out : both.in;
}

void add_direction(const traffic_direction& before, const traffic_direction& now, bool out,
                   InterfaceTraffic& interface) {
  Tally total;
  Tally ip;
  for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
    const Tally grown = growth(before.kinds[kind], now.kinds[kind]);
    if (grown.packets == 0) continue;
    total += grown;
    if (kKinds[kind].has_transport) {
      ip += grown;
      way(interface.protocols[static_cast<std::size_t>(kKinds[kind].transport)], out) += grown;
    }
    way(interface.protocols[static_cast<std::size_t>(kKinds[kind].network)], out) += grown;
  }
  if (total.packets == 0) return;
  const Tally segments = growth(before.segments, now.segments);
  const Tally tags = growth(before.tags, now.tags);
  way(interface.counted, out) += total;
  // A tag that came in was in the frame when the driver counted it; one that goes out is added after that.
  way(interface.as_carried, out) +=
      {total.packets - segments.packets, total.bytes - segments.bytes - (out ? tags.bytes : 0)};
  for (std::size_t bin = 0; bin < interface.sizes.size(); ++bin)
    way(interface.sizes[bin], out) += growth(before.sizes[bin], now.sizes[bin]);
  const Tally multicast = growth(before.multicast, now.multicast);
  const Tally broadcast = growth(before.broadcast, now.broadcast);
  way(interface.casts[static_cast<std::size_t>(TrafficCast::multicast)], out) += multicast;
  way(interface.casts[static_cast<std::size_t>(TrafficCast::broadcast)], out) += broadcast;
  way(interface.casts[static_cast<std::size_t>(TrafficCast::unicast)], out) += {
      total.packets - multicast.packets - broadcast.packets, total.bytes - multicast.bytes - broadcast.bytes};
  for (std::size_t value = 1; value < kDscpClasses; ++value) {
    const Tally grown = growth(before.dscp[value], now.dscp[value]);
    way(interface.dscp[value], out) += grown;
    ip.packets -= grown.packets;
    ip.bytes -= grown.bytes;
  }
  way(interface.dscp[0], out) += ip;
  interface.malformed += growth(before.malformed, now.malformed);
  interface.fragments += growth(before.fragments, now.fragments);
}

bool is_closed(const TrafficFlow& flow) {
  if (flow.protocol != kProtocolTcp) return false;
  return ((flow.flags_in | flow.flags_out) & kTcpRst) != 0 || (flow.flags_in & flow.flags_out & kTcpFin) != 0;
}

// What the flags alone tell, where no socket does.
TcpState state_of(const TrafficFlow& flow) {
  const bool fin_in = (flow.flags_in & kTcpFin) != 0;
  const bool fin_out = (flow.flags_out & kTcpFin) != 0;
  if (((flow.flags_in | flow.flags_out) & kTcpRst) != 0) return TcpState::closed;
  if (fin_in && fin_out) return TcpState::time_wait;
  if (fin_out) return TcpState::fin_wait_1;
  if (fin_in) return TcpState::close_wait;
  if ((flow.flags_in & flow.flags_out & kTcpAck) != 0) return TcpState::established;
  if ((flow.flags_out & (kTcpSyn | kTcpAck)) == kTcpSyn) return TcpState::syn_sent;
  if ((flow.flags_in & kTcpSyn) != 0) return TcpState::syn_received;
  return TcpState::unknown;
}

}  // namespace

TrafficAccounts::TrafficAccounts(const TrafficOptions& options, std::uint64_t seed, unsigned areas,
                                 unsigned block_count)
    : options_(options),
      row_of_block_(block_count, kNoRow),
      blocks_before_(std::size_t{areas} * block_count),
      overflow_before_(std::size_t{areas} * 2),
      flow_table_(options.flow_limit, seed),
      host_table_(options.host_limit, seed),
      station_table_(options.station_limit, seed),
      service_table_(options.service_limit, seed),
      vlan_table_(4096, seed) {}

std::size_t TrafficAccounts::add_interface(InterfaceTraffic interface) {
  interfaces_.push_back(std::move(interface));
  return interfaces_.size() - 1;
}

void TrafficAccounts::assign_block(unsigned block, std::uint32_t row) {
  row_of_block_[block] = row;
}

void TrafficAccounts::add_block(unsigned number, unsigned block, const traffic_block& now) {
  traffic_block& before = blocks_before_[number * row_of_block_.size() + block];
  InterfaceTraffic& interface = interfaces_[row_of_block_[block]];
  add_direction(before.in, now.in, false, interface);
  add_direction(before.out, now.out, true, interface);
  before = now;
}

void TrafficAccounts::add(unsigned number, const kernel::TrafficArea& area, std::int64_t now_ns,
                          TrafficOwners& owners) {
  for (unsigned block = 0; block < row_of_block_.size(); ++block)
    if (row_of_block_[block] != kNoRow) add_block(number, block, area.blocks[block]);
  for (std::uint32_t i = 0; i < area.control->used; ++i) add_slot(area.slots[i], now_ns, owners);
  area.control->used = 0;
  flows_rest_.overflow.in += growth(overflow_before_[number * 2], area.control->overflow_in);
  flows_rest_.overflow.out += growth(overflow_before_[number * 2 + 1], area.control->overflow_out);
  overflow_before_[number * 2] = area.control->overflow_in;
  overflow_before_[number * 2 + 1] = area.control->overflow_out;
}

TrafficAccounts::Places TrafficAccounts::places_of(const TrafficFlow& flow) {
  Places places;
  bool made = false;
  const auto interface =
      std::find_if(interfaces_.begin(), interfaces_.end(),
                   [&flow](const InterfaceTraffic& row) { return row.index == flow.interface; });
  const bool loopback = interface != interfaces_.end() && interface->loopback;
  if (flow.ip_version != 0 && !loopback) {
    places.has_host = true;
    places.host = host_table_.find_or_make({flow.remote.bytes, flow.ip_version}, made);
    if (made) hosts_.push_back({flow.remote, {}});
  }
  places.station = station_table_.find_or_make({flow.interface, flow.station, 0}, made);
  if (made) stations_.push_back({flow.interface, flow.station, {}, {}});
  if ((flow.protocol == kProtocolTcp || flow.protocol == kProtocolUdp) && flow.ip_version != 0 &&
      !flow.is_fragments) {
    const bool local_known = flow.local_port < kFirstUserPort;
    const bool remote_known = flow.remote_port < kFirstUserPort;
    std::uint16_t port = std::min(flow.local_port, flow.remote_port);
    if (local_known != remote_known) port = local_known ? flow.local_port : flow.remote_port;
    places.has_service = true;
    places.service = service_table_.find_or_make({port, flow.protocol}, made);
    if (made) services_.push_back({port, flow.protocol, {}});
  }
  if (flow.vlan != 0) {
    places.vlan = vlan_table_.find_or_make({flow.interface, flow.vlan}, made);
    places.has_vlan = places.vlan != kNoRow;
    if (made) vlans_.push_back({flow.interface, flow.vlan, {}});
  }
  return places;
}

void TrafficAccounts::add_to_places(const Places& places, const TrafficFlow& flow, const TwoWay& traffic) {
  if (places.has_host)
    (places.host == kNoRow ? hosts_rest_.overflow : hosts_[places.host].traffic) += traffic;
  if (places.station == kNoRow) {
    stations_rest_.overflow += traffic;
  } else {
    stations_[places.station].traffic += traffic;
    if (flow.ip_version != 0) stations_[places.station].ip += traffic;
  }
  if (places.has_service)
    (places.service == kNoRow ? services_rest_.overflow : services_[places.service].traffic) += traffic;
  if (places.has_vlan) vlans_[places.vlan].traffic += traffic;
}

std::uint32_t TrafficAccounts::make_flow(const traffic_key& key, std::int64_t now_ns) {
  bool made = false;
  const std::uint32_t row = flow_table_.find_or_make(key, made);
  if (!made) return row;
  TrafficFlow flow;
  flow.id = next_id_++;
  flow.interface = key.interface;
  flow.owner = kOwnerUnknown;
  flow.ip_version = key.ip_version;
  flow.local.version = flow.remote.version = key.ip_version == 6 ? 6 : 4;
  std::memcpy(flow.local.bytes.data(), key.local, sizeof key.local);
  std::memcpy(flow.remote.bytes.data(), key.remote, sizeof key.remote);
  flow.local_port = swapped(key.local_port);
  flow.remote_port = swapped(key.remote_port);
  flow.protocol = key.protocol;
  flow.ether_type = key.ether_type;
  if (key.ip_version != 0) flow.ether_type = key.ip_version == 4 ? 0x0800 : 0x86dd;
  flow.vlan = key.vlan;
  std::memcpy(flow.station.data(), key.station, sizeof key.station);
  flow.is_fragments = (key.flags & TRAFFIC_LATER_FRAGMENT) != 0;
  flow.first_ns = now_ns;
  flows_.push_back(flow);
  places_.push_back(places_of(flow));
  return row;
}

// What no process was found for so far goes with the flow; what another process has had stays with that.
void TrafficAccounts::give_to(std::uint32_t row, std::uint32_t owner, TrafficOwners& owners) {
  TrafficFlow& flow = flows_[row];
  if (flow.owner == owner) return;
  if (!places_[row].owner_found) {
    owners.take_back(flow.owner, places_[row].unowned);
    owners.add(owner, places_[row].unowned);
  }
  flow.owner = owner;
}

void TrafficAccounts::add_slot(const traffic_slot& slot, std::int64_t now_ns, TrafficOwners& owners) {
  const TwoWay traffic{{slot.in_packets, slot.in_bytes}, {slot.out_packets, slot.out_bytes}};
  const std::uint32_t row = make_flow(slot.key, now_ns);
  if (row == kNoRow) {
    flows_rest_.overflow += traffic;
    return;
  }
  TrafficFlow& flow = flows_[row];
  Places& places = places_[row];
  flow.traffic += traffic;
  flow.last_ns = now_ns;
  flow.dscp = slot.dscp;
  // A connection that begins anew on the addresses of one that ended.
  if (is_closed(flow) && ((slot.flags_in | slot.flags_out) & kTcpSyn) != 0)
    flow.flags_in = flow.flags_out = 0;
  flow.flags_in |= slot.flags_in;
  flow.flags_out |= slot.flags_out;
  if (slot.has_socket_facts != 0) {
    flow.state = static_cast<TcpState>(slot.state <= 11 ? slot.state : 0);
    flow.retransmits = slot.retransmits;
    if (slot.rtt_us != 0) flow.rtt_ns = std::uint64_t{slot.rtt_us} * 1000;
  }
  if (flow.protocol == kProtocolTcp && (slot.has_socket_facts == 0 || is_closed(flow)))
    flow.state = state_of(flow);
  if (slot.owner_state == TRAFFIC_OWNER_KNOWN) {
    give_to(row, slot.pid == 0 ? kOwnerNone : owners.row_of(slot.pid), owners);
    places.owner_found = true;
  } else if (!places.owner_found) {
    const bool may_have_socket = flow.protocol == kProtocolTcp || flow.protocol == kProtocolUdp;
    const bool none = slot.owner_state == TRAFFIC_OWNER_NO_SOCKET ||
                      (slot.owner_state == TRAFFIC_OWNER_NOT_ASKED && !may_have_socket) ||
                      (slot.owner_state == TRAFFIC_OWNER_NOT_KNOWN && unknown_is_kernel_);
    give_to(row, none ? kOwnerNone : kOwnerUnknown, owners);
    places.unowned += traffic;
  }
  owners.add(flow.owner, traffic);
  add_to_places(places, flow, traffic);
}

void TrafficAccounts::tell_sockets(const std::vector<SocketFacts>& sockets, TrafficOwners& owners) {
  // Connected sockets by both ends; then those that only have a local end, by address and port, and by port.
  const auto key_of = [](std::uint8_t protocol, const std::uint8_t* local, std::uint16_t local_port,
                         const std::uint8_t* remote, std::uint16_t remote_port) {
    std::string key(1, static_cast<char>(protocol));
    for (const std::uint16_t port : {local_port, remote_port}) {
      key += static_cast<char>(port >> 8);
      key += static_cast<char>(port & 0xff);
    }
    if (local != nullptr) key.append(reinterpret_cast<const char*>(local), 16);
    if (remote != nullptr) key.append(reinterpret_cast<const char*>(remote), 16);
    return key;
  };
  static constexpr std::array<std::uint8_t, 16> kAny{};
  std::unordered_map<std::string, const SocketFacts*> by_ends;
  for (const SocketFacts& facts : sockets) {
    const kernel::SocketEntry& socket = facts.socket;
    const bool any = socket.local == kAny;
    by_ends.emplace(socket.remote_port != 0 ? key_of(socket.protocol, socket.local.data(), socket.local_port,
                                                     socket.remote.data(), socket.remote_port)
                                            : key_of(socket.protocol, any ? nullptr : socket.local.data(),
                                                     socket.local_port, nullptr, 0),
                    &facts);
  }
  for (std::size_t row = 0; row < flows_.size(); ++row) {
    TrafficFlow& flow = flows_[row];
    if (flow.ip_version == 0 || (flow.protocol != kProtocolTcp && flow.protocol != kProtocolUdp)) continue;
    const std::uint8_t* local = flow.local.bytes.data();
    auto found = by_ends.find(
        key_of(flow.protocol, local, flow.local_port, flow.remote.bytes.data(), flow.remote_port));
    if (found == by_ends.end())
      found = by_ends.find(key_of(flow.protocol, local, flow.local_port, nullptr, 0));
    if (found == by_ends.end())
      found = by_ends.find(key_of(flow.protocol, nullptr, flow.local_port, nullptr, 0));
    if (found == by_ends.end()) continue;
    const SocketFacts& facts = *found->second;
    if (facts.socket.tcp && facts.socket.remote_port != 0) {
      if (!is_closed(flow))
        flow.state = static_cast<TcpState>(facts.socket.state <= 11 ? facts.socket.state : 0);
      flow.retransmits = facts.socket.tcp->retransmits;
      if (facts.socket.tcp->rtt_us != 0) flow.rtt_ns = facts.socket.tcp->rtt_us * 1000;
    }
    if (facts.pid == 0 || places_[row].owner_found) continue;
    give_to(static_cast<std::uint32_t>(row), owners.row_of(facts.pid), owners);
    places_[row].owner_found = true;
  }
}

// Hosts, stations and services that no flow needs any more make room when the table is nearly full.
template <class Key, class Row>
void TrafficAccounts::remove_unused(TrafficTable<Key>& table, std::vector<Row>& rows,
                                    std::uint32_t Places::*place, TwoWay& rest) {
  if (table.size() * 8 < std::size_t{table.limit()} * 7) return;
  std::vector<bool> needed(rows.size());
  for (const Places& places : places_)
    if (places.*place != kNoRow) needed[places.*place] = true;
  const auto moved = table.compact([&needed](std::size_t row) { return !needed[row]; });
  std::size_t kept = 0;
  for (std::size_t row = 0; row < moved.size(); ++row) {
    if (moved[row] == kNoRow) {
      rest += rows[row].traffic;
    } else {
      rows[kept++] = rows[row];
    }
  }
  rows.resize(kept);
  for (Places& places : places_)
    if (places.*place != kNoRow) places.*place = moved[places.*place];
}

void TrafficAccounts::remove_flows(std::int64_t now_ns) {
  ended_.clear();
  std::vector<bool> going(flows_.size());
  std::size_t going_count = 0;
  const auto let_go = [&](std::size_t row) {
    going[row] = true;
    ++going_count;
  };
  for (std::size_t row = 0; row < flows_.size(); ++row) {
    const std::int64_t idle_ns = now_ns - flows_[row].last_ns;
    if (idle_ns > options_.flow_idle_ns || (idle_ns > kClosedKeptNs && is_closed(flows_[row]))) let_go(row);
  }
  // Nearly full: down to half, those that were idle longest go, though none that moved in this interval.
  const std::size_t limit = options_.flow_limit;
  if ((flows_.size() - going_count) * 8 > limit * 7) {
    std::vector<std::int64_t> last;
    last.reserve(flows_.size());
    for (std::size_t row = 0; row < flows_.size(); ++row)
      if (!going[row]) last.push_back(flows_[row].last_ns);
    std::size_t too_many = last.size() - limit / 2;
    const auto middle = last.begin() + static_cast<std::ptrdiff_t>(too_many);
    std::nth_element(last.begin(), middle, last.end());
    for (std::size_t row = 0; row < flows_.size() && too_many > 0; ++row) {
      if (going[row] || flows_[row].last_ns > *middle || flows_[row].last_ns == now_ns) continue;
      let_go(row);
      --too_many;
    }
  }
  if (going_count == 0) return;
  const auto moved = flow_table_.compact([&going](std::size_t row) { return going[row]; });
  std::size_t kept = 0;
  for (std::size_t row = 0; row < moved.size(); ++row) {
    if (moved[row] == kNoRow) {
      flows_rest_.ended += flows_[row].traffic;
      if (ended_.size() < kEndedLimit) {
        ended_.push_back(flows_[row]);
      } else {
        ++ended_untold_;
      }
      continue;
    }
    flows_[kept] = flows_[row];
    places_[kept++] = places_[row];
  }
  flows_.resize(kept);
  places_.resize(kept);
}

void TrafficAccounts::finish(std::int64_t now_ns, TrafficOwners& owners, TrafficSnapshot& snapshot) {
  remove_flows(now_ns);
  if (owners.needs_room()) {
    std::vector<bool> needed(owners.rows().size());
    for (const TrafficFlow& flow : flows_) needed[flow.owner] = true;
    // Those that are told now as ended are shown with their processes once more.
    for (const TrafficFlow& flow : ended_) needed[flow.owner] = true;
    const auto moved = owners.make_room(needed);
    for (std::vector<TrafficFlow>* flows : {&flows_, &ended_})
      for (TrafficFlow& flow : *flows) flow.owner = moved[flow.owner];
  }
  remove_unused(host_table_, hosts_, &Places::host, hosts_rest_.ended);
  remove_unused(station_table_, stations_, &Places::station, stations_rest_.ended);
  remove_unused(service_table_, services_, &Places::service, services_rest_.ended);
  snapshot.interfaces = interfaces_;
  std::sort(snapshot.interfaces.begin(), snapshot.interfaces.end(),
            [](const InterfaceTraffic& a, const InterfaceTraffic& b) { return a.index < b.index; });
  snapshot.owners = owners.rows();
  snapshot.flows = flows_;
  snapshot.hosts = hosts_;
  snapshot.stations = stations_;
  snapshot.services = services_;
  snapshot.vlans = vlans_;
  snapshot.flows_rest = flows_rest_;
  snapshot.hosts_rest = hosts_rest_;
  snapshot.stations_rest = stations_rest_;
  snapshot.services_rest = services_rest_;
  snapshot.flows_seen = next_id_ - 1;
  snapshot.ended = ended_;
  snapshot.ended_untold = ended_untold_;
}

}  // namespace isotach::network
