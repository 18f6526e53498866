#include "command/traffic/lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/units.h"

namespace isotach::command {
namespace {

using network::TrafficBy;
using network::TrafficGroup;
using network::TrafficSnapshot;
using view::Align;

constexpr std::uint64_t kNanosecondsPerMicrosecond = 1000;

std::string duration_text(const std::optional<std::uint64_t>& duration_ns) {
  if (!duration_ns) return "-";
  return *duration_ns < kNanosecondsPerMicrosecond ? "0 us"
                                                   : format_duration_ns(static_cast<double>(*duration_ns));
}

std::string number_text(const std::optional<std::uint64_t>& number) {
  return number ? std::to_string(*number) : "-";
}

std::string with_port(const network::TrafficFlow& flow, bool local, HostNames* names) {
  if (names == nullptr || flow.ip_version == 0) return network::flow_end_text(flow, local);
  const network::IpAddress& address = local ? flow.local : flow.remote;
  const auto name = names->name_of(address.text());
  if (!name) return network::flow_end_text(flow, local);
  const std::uint16_t port = local ? flow.local_port : flow.remote_port;
  return port == 0 ? *name : fmt::format("{}:{}", *name, port);
}

std::vector<view::TableColumn> columns_of(TrafficBy by, const TrafficSnapshot& snapshot) {
  // The columns of rates have orders from 4 to 9 (view/traffic).
  const int interface_order = snapshot.interfaces.size() > 1 ? 12 : 13;
  switch (by) {
    case TrafficBy::flow:
      return {{"protocol", Align::left, 6},   {"local", Align::left, 1, 12},
              {"remote", Align::left, 0, 18}, {"state", Align::left, 10},
              {"process", Align::left, 3, 8}, {"rtt", Align::quantity, 7},
              {"rexmt", Align::right, 7},     {"interface", Align::left, interface_order, 6}};
    case TrafficBy::host:
      return {{"host", Align::left, 0, 15}};
    case TrafficBy::station:
      return {
          {"station", Align::left, 0, 17}, {"interface", Align::left, 6, 8}, {"of IP", Align::quantity, 7}};
    case TrafficBy::port:
      return {{"port", Align::left}, {"service", Align::left, 6, 8}};
    case TrafficBy::process:
      return {{"process", Align::left, 0, 10}, {"pid", Align::right, 6}, {"container", Align::left, 7, 8}};
    case TrafficBy::container:
      return {{"container", Align::left, 0, 12}};
    case TrafficBy::interface:
      return {{"interface", Align::left, 0, 9},
              {"of speed", Align::quantity, 7},
              {"not accounted", Align::right, 1},
              {"dropped", Align::right, 6}};
    case TrafficBy::size:
      return {{"bytes", Align::left}, {"share", Align::quantity, 1}};
    case TrafficBy::vlan:
    case TrafficBy::dscp:
    case TrafficBy::protocol:
    case TrafficBy::cast:
      break;
  }
  return {{std::string(network::traffic_by_name(by)), Align::left, 0, 10}};
}

std::string owner_text(const TrafficSnapshot& snapshot, const network::TrafficFlow& flow) {
  return flow.owner < snapshot.owners.size() ? snapshot.owners[flow.owner].command : std::string();
}

std::string share_text(double part, double whole) {
  return whole > 0 ? format_quantity(part / whole, Unit::ratio) : "-";
}

std::string speed_share(const network::InterfaceTraffic& interface, const network::TwoWayRate& rate) {
  if (!interface.speed_bits_s || *interface.speed_bits_s == 0) return "-";
  return share_text(std::max(rate.in.bits_s(), rate.out.bits_s()),
                    static_cast<double>(*interface.speed_bits_s));
}

std::string missing_text(const network::InterfaceTraffic& interface) {
  if (!interface.not_accounted_in && !interface.not_accounted_out) return "unknown";
  return std::to_string(interface.not_accounted_in.value_or(0) + interface.not_accounted_out.value_or(0));
}

std::vector<std::string> cells_of(const TrafficSnapshot& snapshot, TrafficBy by, const TrafficGroup& group,
                                  double all_packets, HostNames* names) {
  const std::size_t index = group.index;
  switch (by) {
    case TrafficBy::flow: {
      const network::TrafficFlow& flow = snapshot.flows[index];
      const network::InterfaceTraffic* interface = snapshot.find_interface(flow.interface);
      return {network::flow_protocol_text(flow), with_port(flow, true, names),
              with_port(flow, false, names),     std::string(network::tcp_state_name(flow.state)),
              owner_text(snapshot, flow),        duration_text(flow.rtt_ns),
              number_text(flow.retransmits),     interface == nullptr ? "" : interface->name};
    }
    case TrafficBy::host:
      return {host_text(snapshot.hosts[index].address, names)};
    case TrafficBy::station: {
      const network::TrafficStation& station = snapshot.stations[index];
      const network::InterfaceTraffic* interface = snapshot.find_interface(station.interface);
      return {
          network::station_text(station.address), interface == nullptr ? "" : interface->name,
          share_text(static_cast<double>(station.ip.bytes()), static_cast<double>(station.traffic.bytes()))};
    }
    case TrafficBy::port: {
      const network::TrafficService& service = snapshot.services[index];
      return {fmt::format("{}/{}", service.port, network::ip_protocol_name(service.protocol)),
              std::string(network::service_name(service.port, service.protocol))};
    }
    case TrafficBy::process: {
      const network::TrafficOwner& owner = snapshot.owners[index];
      return {owner.command, owner.pid == 0 ? "-" : std::to_string(owner.pid), owner.container};
    }
    case TrafficBy::interface: {
      const network::InterfaceTraffic& interface = snapshot.interfaces[index];
      return {interface.up ? interface.name : interface.name + " (down)", speed_share(interface, group.rate),
              missing_text(interface),
              std::to_string(interface.kernel.dropped_in + interface.kernel.dropped_out)};
    }
    case TrafficBy::size:
      return {network::size_range(index),
              share_text(static_cast<double>(group.traffic.packets()), all_packets)};
    case TrafficBy::container:
    case TrafficBy::vlan:
    case TrafficBy::dscp:
    case TrafficBy::protocol:
    case TrafficBy::cast:
      break;
  }
  return {network::traffic_group_name(snapshot, by, group)};
}

bool warns(const TrafficSnapshot& snapshot, TrafficBy by, const TrafficGroup& group) {
  if (by != TrafficBy::interface) return false;
  const network::InterfaceTraffic& interface = snapshot.interfaces[group.index];
  return interface.not_accounted_in.value_or(0) > 0 || interface.not_accounted_out.value_or(0) > 0;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

// All words of a flow in one text: of flows there are tens of thousands to look through.
std::string flow_words(const TrafficSnapshot& snapshot, const network::TrafficFlow& flow, HostNames* names) {
  const network::InterfaceTraffic* interface = snapshot.find_interface(flow.interface);
  std::string words = network::flow_protocol_text(flow);
  const auto add = [&](std::string_view word) { words.append(1, ' ').append(word); };
  add(with_port(flow, true, names));
  add(with_port(flow, false, names));
  add(network::tcp_state_name(flow.state));
  if (flow.owner < snapshot.owners.size()) {
    add(snapshot.owners[flow.owner].command);
    add(snapshot.owners[flow.owner].container);
  }
  if (interface != nullptr) add(interface->name);
  add(network::station_text(flow.station));
  return words;
}

// Whether some word of the row holds the text, in any case of its letters.
bool holds(const TrafficSnapshot& snapshot, TrafficBy by, const TrafficGroup& group,
           const std::string& wanted, HostNames* names) {
  if (by == TrafficBy::flow)
    return lower(flow_words(snapshot, snapshot.flows[group.index], names)).find(wanted) != std::string::npos;
  for (const std::string& cell : cells_of(snapshot, by, group, 0, names))
    if (lower(cell).find(wanted) != std::string::npos) return true;
  for (const network::TrafficAttribute& attribute : network::traffic_attributes(snapshot, by, group))
    if (lower(attribute.text).find(wanted) != std::string::npos) return true;
  return false;
}

std::string nothing_text(const TrafficSnapshot& snapshot, TrafficBy by) {
  const bool blind = snapshot.method == network::TrafficMethod::counters;
  const bool of_packets = by == TrafficBy::protocol || by == TrafficBy::size || by == TrafficBy::station ||
                          by == TrafficBy::vlan || by == TrafficBy::dscp || by == TrafficBy::cast;
  if (blind && of_packets) return "not known: no packet is seen, only counters are read";
  if (by == TrafficBy::vlan) return "no VLAN was seen";
  return "nothing was seen";
}

}  // namespace

std::string traffic_source_name(network::TrafficMethod method) {
  switch (method) {
    case network::TrafficMethod::bpf:
      return "eBPF";
    case network::TrafficMethod::ring:
      return "packet ring";
    case network::TrafficMethod::counters:
      break;
  }
  return "counters";
}

std::string host_text(const network::IpAddress& address, HostNames* names) {
  std::string text = address.text();
  if (names == nullptr) return text;
  return names->name_of(text).value_or(text);
}

view::TrafficAmounts traffic_amounts(const network::TwoWay& traffic, const network::TwoWayRate& rate,
                                     bool has_rate, const TrafficSpeeds& speeds) {
  view::TrafficAmounts amounts;
  amounts.in_bytes = traffic.in.bytes;
  amounts.out_bytes = traffic.out.bytes;
  amounts.in_packets = traffic.in.packets;
  amounts.out_packets = traffic.out.packets;
  if (has_rate) {
    amounts.in_bits_s = rate.in.bits_s();
    amounts.out_bits_s = rate.out.bits_s();
    amounts.in_packets_s = rate.in.packets_s;
    amounts.out_packets_s = rate.out.packets_s;
  }
  amounts.peak_bits_s = speeds.peak_bits_s;
  amounts.mean_bits_s = speeds.mean_bits_s;
  return amounts;
}

TrafficSelection select_traffic(const TrafficSession& session, const TrafficListing& listing,
                                HostNames* names) {
  const TrafficSnapshot& now = session.now();
  std::optional<network::TrafficRates> whole;
  if (listing.whole_run) whole = session.whole_rates();
  const network::TrafficRates* rates = listing.whole_run ? (whole ? &*whole : nullptr) : session.rates();
  TrafficSelection selection;
  auto groups = network::traffic_groups(now, rates, listing.by, listing.scope);
  // Interfaces are there without traffic, too; that a flow or host was there is worth a row as well.
  selection.known = groups.size();
  if (!listing.search.empty()) {
    const std::string wanted = lower(listing.search);
    std::erase_if(groups,
                  [&](const TrafficGroup& group) { return !holds(now, listing.by, group, wanted, names); });
  }
  selection.matching = groups.size();
  const bool by_size = listing.by == TrafficBy::size;
  const std::size_t end =
      listing.rows == 0 ? groups.size() : std::min(groups.size(), listing.first + listing.rows);
  if (!by_size) network::sort_groups(groups, listing.sort, end);
  selection.first = std::min(listing.first, end);
  selection.groups.assign(groups.begin() + static_cast<std::ptrdiff_t>(selection.first),
                          groups.begin() + static_cast<std::ptrdiff_t>(end));
  return selection;
}

view::TrafficList traffic_list(const TrafficSession& session, const TrafficListing& listing,
                               const TrafficSelection& selection, HostNames* names) {
  const TrafficSnapshot& now = session.now();
  view::TrafficList list;
  list.title = std::string(network::traffic_by_plural(listing.by));
  list.columns = columns_of(listing.by, now);
  list.first = selection.first;
  list.matching = selection.matching;
  list.known = selection.known;
  list.none = nothing_text(now, listing.by);
  list.rate_columns = listing.by != TrafficBy::size;
  double all_packets = 0;
  for (const TrafficGroup& group : selection.groups)
    all_packets += static_cast<double>(group.traffic.packets());
  for (const TrafficGroup& group : selection.groups)
    list.rows.push_back({std::to_string(group.key), cells_of(now, listing.by, group, all_packets, names),
                         traffic_amounts(group.traffic, group.rate, session.rates() != nullptr,
                                         session.speeds(listing.by, group)),
                         warns(now, listing.by, group)});
  return list;
}

}  // namespace isotach::command
