#include "command/traffic/replayed.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/text.h"
#include "command/traffic/recorded.h"

namespace isotach::command {
namespace {

using network::TrafficBy;
using network::TrafficSnapshot;
using record::Labels;

constexpr std::array<std::string_view, 4> kCounters = {"_in_bytes", "_out_bytes", "_in_packets",
                                                       "_out_packets"};
constexpr std::string_view kPrefix = "traffic_";
// More names than these no machine has; flows of others stand without one.
constexpr std::size_t kMostInterfaces = 1024;

std::string_view label(const Labels& labels, std::string_view name) {
  for (const auto& [key, value] : labels)
    if (key == name) return value;
  return {};
}

std::uint64_t number(const Labels& labels, std::string_view name) {
  return parse_unsigned(label(labels, name)).value_or(0);
}

std::uint16_t short_number(const Labels& labels, std::string_view name) {
  return static_cast<std::uint16_t>(std::min<std::uint64_t>(number(labels, name), 65535));
}

std::optional<network::IpAddress> address_of(std::string_view text) {
  network::IpAddress address;
  const std::string copy(text);
  if (::inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) return address;
  address.version = 6;
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::array<std::uint8_t, 6> station_of(std::string_view text) {
  std::array<std::uint8_t, 6> station{};
  std::array<unsigned, 6> bytes{};
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
                  &bytes[4], &bytes[5]) == 6)
    for (std::size_t i = 0; i < station.size(); ++i) station[i] = static_cast<std::uint8_t>(bytes[i]);
  return station;
}

// The place of a protocol, size or cast by its name.
template <std::size_t size, class Name>
std::optional<std::size_t> place_of(std::string_view wanted, Name name_of) {
  for (std::size_t i = 0; i < size; ++i)
    if (name_of(i) == wanted) return i;
  return std::nullopt;
}

std::string all_labels(const Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) text.append(key).append("=").append(value).append(1, '\0');
  return text;
}

std::uint64_t& counter_of(network::TwoWay& traffic, std::size_t counter) {
  network::Tally& tally = counter % 2 == 0 ? traffic.in : traffic.out;
  return counter < 2 ? tally.bytes : tally.packets;
}

}  // namespace

std::uint32_t ReplayedTraffic::interface_index(const std::string& name) {
  const auto found = std::find(interfaces_.begin(), interfaces_.end(), name);
  const auto place = static_cast<std::uint32_t>(found - interfaces_.begin());
  if (found == interfaces_.end()) {
    if (interfaces_.size() >= kMostInterfaces) return 0;
    interfaces_.push_back(name);
  }
  return place + 1;
}

std::optional<ReplayedTraffic::Row> ReplayedTraffic::row_of(TrafficBy by, const Labels& labels) {
  Row row;
  row.by = by;
  row.labels = all_labels(labels);
  const std::string interface(label(labels, "interface"));
  const std::uint32_t interface_number = interface.empty() ? 0 : interface_index(interface);
  switch (by) {
    case TrafficBy::flow: {
      network::TrafficFlow& flow = row.flow;
      flow.id = number(labels, "id");
      flow.interface = interface_number;
      const auto local = address_of(label(labels, "local_address"));
      const auto remote = address_of(label(labels, "remote_address"));
      if (local && remote) {
        flow.local = *local;
        flow.remote = *remote;
        flow.ip_version = remote->version;
        flow.protocol = network::ip_protocol_number(label(labels, "protocol"));
      } else {
        flow.ether_type = network::ether_type_number(label(labels, "protocol"));
      }
      flow.local_port = short_number(labels, "local_port");
      flow.remote_port = short_number(labels, "remote_port");
      flow.vlan = short_number(labels, "vlan");
      flow.station = station_of(label(labels, "station"));
      row.owner.command = label(labels, "process");
      row.owner.pid = static_cast<std::uint32_t>(number(labels, "pid"));
      break;
    }
    case TrafficBy::host: {
      const auto address = address_of(label(labels, "host"));
      if (!address) return std::nullopt;
      row.host.address = *address;
      break;
    }
    case TrafficBy::station:
      row.station.interface = interface_number;
      row.station.address = station_of(label(labels, "station"));
      break;
    case TrafficBy::port:
      row.service.port = short_number(labels, "port");
      row.service.protocol = network::ip_protocol_number(label(labels, "protocol"));
      break;
    case TrafficBy::vlan:
      row.vlan.interface = interface_number;
      row.vlan.id = short_number(labels, "vlan");
      break;
    case TrafficBy::process:
      row.owner.command = label(labels, "process");
      row.owner.pid = static_cast<std::uint32_t>(number(labels, "pid"));
      row.owner.container = label(labels, "container");
      break;
    case TrafficBy::interface:
      row.interface.index = interface_number;
      row.interface.name = interface;
      row.interface.loopback = interface == "lo";
      break;
    case TrafficBy::protocol:
    case TrafficBy::size:
    case TrafficBy::cast:
    case TrafficBy::dscp: {
      std::optional<std::size_t> place;
      if (by == TrafficBy::protocol)
        place = place_of<network::kTrafficProtocols>(label(labels, "protocol"), [](std::size_t i) {
          return network::protocol_name(static_cast<network::TrafficProtocol>(i));
        });
      if (by == TrafficBy::size)
        place = place_of<network::kTrafficSizeFloors.size()>(label(labels, "size"), network::size_range);
      if (by == TrafficBy::cast)
        place = place_of<network::kTrafficCasts>(label(labels, "cast"), [](std::size_t i) {
          return network::traffic_group_name({}, TrafficBy::cast, {i, i, {}, {}});
        });
      if (by == TrafficBy::dscp) place = static_cast<std::size_t>(number(labels, "dscp"));
      if (!place || (by == TrafficBy::dscp && *place >= network::kDscpClasses)) return std::nullopt;
      row.index = *place;
      break;
    }
    case TrafficBy::container:
      return std::nullopt;  // made of the processes
  }
  return row;
}

ReplayedTraffic::Meaning ReplayedTraffic::meaning_of(const record::Series& series) {
  using Kind = Meaning::Kind;
  std::string_view name = series.metric.name;
  if (name == kTrafficMethodMetric) return {Kind::method, 0, 0};
  if (name == kTrafficUnaccountedMetric) return {Kind::unaccounted, 0, 0};
  if (name == kTrafficOtherMetric) return {Kind::other, 0, 0};
  if (!name.starts_with(kPrefix)) return {};
  name.remove_prefix(kPrefix.size());
  for (std::size_t counter = 0; counter < kCounters.size(); ++counter) {
    if (!name.ends_with(kCounters[counter])) continue;
    const auto by = network::traffic_by(name.substr(0, name.size() - kCounters[counter].size()));
    if (!by) return {};
    const std::string labels = all_labels(series.labels);
    // The four series of a row follow each other.
    for (std::size_t back = 1; back <= std::min<std::size_t>(rows_.size(), 4); ++back)
      if (rows_[rows_.size() - back].by == *by && rows_[rows_.size() - back].labels == labels)
        return {Kind::row, rows_.size() - back, counter};
    auto row = row_of(*by, series.labels);
    if (!row) return {};
    rows_.push_back(std::move(*row));
    return {Kind::row, rows_.size() - 1, counter};
  }
  return {};
}

void ReplayedTraffic::fill(TrafficSnapshot& snapshot) {
  const auto owner_of = [&](const network::TrafficOwner& wanted) {
    for (std::size_t i = 0; i < snapshot.owners.size(); ++i)
      if (snapshot.owners[i].pid == wanted.pid && snapshot.owners[i].command == wanted.command)
        return static_cast<std::uint32_t>(i);
    return network::kOwnerNone;
  };
  for (Row& row : rows_) {
    if (!row.is_present) continue;
    if (row.by == TrafficBy::interface) {
      row.interface.counted = row.interface.kernel.traffic = row.traffic;
      snapshot.interfaces.push_back(row.interface);
    }
    if (row.by == TrafficBy::process) {
      row.owner.traffic = row.traffic;
      const std::uint32_t known = owner_of(row.owner);
      if (known == network::kOwnerNone && row.owner.command != snapshot.owners[0].command) {
        snapshot.owners.push_back(row.owner);
      } else {
        snapshot.owners[known].traffic = row.traffic;
      }
    }
  }
  std::sort(snapshot.interfaces.begin(), snapshot.interfaces.end(),
            [](const auto& a, const auto& b) { return a.index < b.index; });
  // Sums over interfaces stand with the first that is part of them.
  network::InterfaceTraffic nowhere;
  network::InterfaceTraffic* sums = &nowhere;
  for (network::InterfaceTraffic& interface : snapshot.interfaces)
    if (sums == &nowhere || (sums->loopback && !interface.loopback)) sums = &interface;
  for (const Row& row : rows_) {
    if (!row.is_present) continue;
    const auto put = [&](auto& rows, auto one) {
      one.traffic = row.traffic;
      rows.push_back(one);
    };
    if (row.by == TrafficBy::flow) {
      network::TrafficFlow flow = row.flow;
      flow.owner = owner_of(row.owner);
      flow.first_ns = row.first_ns;
      flow.last_ns = snapshot.time.monotonic_ns;
      put(snapshot.flows, flow);
    }
    if (row.by == TrafficBy::host) put(snapshot.hosts, row.host);
    if (row.by == TrafficBy::station) put(snapshot.stations, row.station);
    if (row.by == TrafficBy::port) put(snapshot.services, row.service);
    if (row.by == TrafficBy::vlan) put(snapshot.vlans, row.vlan);
    if (row.by == TrafficBy::protocol) sums->protocols[row.index] = row.traffic;
    if (row.by == TrafficBy::size) sums->sizes[row.index] = row.traffic;
    if (row.by == TrafficBy::cast) sums->casts[row.index] = row.traffic;
    if (row.by == TrafficBy::dscp) sums->dscp[row.index] = row.traffic;
  }
  std::sort(snapshot.flows.begin(), snapshot.flows.end(),
            [](const network::TrafficFlow& a, const network::TrafficFlow& b) { return a.id < b.id; });
}

Result<void> ReplayedTraffic::read(TrafficSnapshot& snapshot) {
  if (is_over_) return {};
  auto got = next_(sample_);
  if (!got) return tl::make_unexpected(std::move(got.error()));
  if (!*got) {
    is_over_ = true;
    return {};
  }
  snapshot = {};
  snapshot.time = sample_.time;
  snapshot.owners = {{0, "(kernel)", "", "", {}}, {0, "(unknown)", "", "", {}}};
  snapshot.method = network::TrafficMethod::bpf;
  while (meanings_.size() < table_.size())
    meanings_.push_back(meaning_of(table_.at(static_cast<record::SeriesId>(meanings_.size()))));
  for (Row& row : rows_) row.is_present = false;
  std::optional<std::uint64_t> unaccounted;
  for (const record::Point& point : sample_.points) {
    if (point.series >= meanings_.size() || point.value.is_missing()) continue;
    const Meaning& meaning = meanings_[point.series];
    const std::uint64_t value = point.value.as_unsigned();
    switch (meaning.kind) {
      case Meaning::Kind::row: {
        Row& row = rows_[meaning.row];
        if (!std::exchange(row.is_present, true)) row.traffic = {};
        if (row.first_ns == 0) row.first_ns = sample_.time.monotonic_ns;
        counter_of(row.traffic, meaning.counter) = value;
        break;
      }
      case Meaning::Kind::method:
        snapshot.method = static_cast<network::TrafficMethod>(std::min<std::uint64_t>(value, 2));
        break;
      case Meaning::Kind::unaccounted:
        unaccounted = value;
        break;
      case Meaning::Kind::other:
        snapshot.flows_rest.overflow.in.packets = value;
        break;
      case Meaning::Kind::none:
        break;
    }
  }
  fill(snapshot);
  if (unaccounted && !snapshot.interfaces.empty())
    snapshot.interfaces.front().not_accounted_in =
        static_cast<std::int64_t>(std::min<std::uint64_t>(*unaccounted, INT64_MAX));
  return {};
}

}  // namespace isotach::command
