#include "network/traffic/rates.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <string>
#include <unordered_map>

#include "base/counter.h"

namespace isotach::network {
namespace {

TrafficRate rate_of(const Tally& before, const Tally& now, double seconds) {
  const auto packets = counter_growth(before.packets, now.packets);
  const auto bytes = counter_growth(before.bytes, now.bytes);
  return {static_cast<double>(packets.value_or(0)) / seconds,
          static_cast<double>(bytes.value_or(0)) / seconds};
}

template <std::size_t size>
void rates_of(const std::array<TwoWay, size>& before, const std::array<TwoWay, size>& now, double seconds,
              std::array<TwoWayRate, size>& result) {
  for (std::size_t i = 0; i < size; ++i) result[i] = rate(before[i], now[i], seconds);
}

// Rows of both snapshots are told apart by a key; a row keeps its place in most snapshots, so that place is
// looked at first.
template <class Row, class KeyOf>
std::vector<TwoWayRate> rates_by_key(const std::vector<Row>& before, const std::vector<Row>& now,
                                     double seconds, KeyOf key_of) {
  std::vector<TwoWayRate> result;
  result.reserve(now.size());
  std::unordered_map<std::string, const Row*> known;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const std::string key = key_of(now[i]);
    const Row* same = i < before.size() && key_of(before[i]) == key ? &before[i] : nullptr;
    if (same == nullptr && !before.empty()) {
      if (known.empty())
        for (const Row& row : before) known.emplace(key_of(row), &row);
      const auto found = known.find(key);
      if (found != known.end()) same = found->second;
    }
    result.push_back(rate(same == nullptr ? TwoWay{} : same->traffic, now[i].traffic, seconds));
  }
  return result;
}

std::string bytes_of(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}
std::string number_key(std::uint64_t number) {
  return bytes_of(&number, sizeof number);
}

}  // namespace

TwoWayRate rate(const TwoWay& before, const TwoWay& now, double seconds) {
  return {rate_of(before.in, now.in, seconds), rate_of(before.out, now.out, seconds)};
}

std::optional<TrafficRates> rates(const TrafficSnapshot& before, const TrafficSnapshot& now) {
  const std::int64_t passed_ns = now.time.monotonic_ns - before.time.monotonic_ns;
  if (passed_ns <= 0) return std::nullopt;
  TrafficRates result;
  const double seconds = static_cast<double>(passed_ns) / static_cast<double>(kNanosecondsPerSecond);
  result.seconds = seconds;
  for (const InterfaceTraffic& interface : now.interfaces) {
    static const InterfaceTraffic kNothing;
    const InterfaceTraffic* found = before.find_interface(interface.index);
    const InterfaceTraffic& old = found == nullptr ? kNothing : *found;
    InterfaceRates rates;
    rates.counted = rate(old.counted, interface.counted, seconds);
    rates.kernel = rate(old.kernel.traffic, interface.kernel.traffic, seconds);
    if (interface.speed_bits_s && *interface.speed_bits_s > 0) {
      rates.share_in = rates.counted.in.bits_s() / static_cast<double>(*interface.speed_bits_s);
      rates.share_out = rates.counted.out.bits_s() / static_cast<double>(*interface.speed_bits_s);
    }
    rates_of(old.protocols, interface.protocols, seconds, rates.protocols);
    rates_of(old.casts, interface.casts, seconds, rates.casts);
    rates_of(old.sizes, interface.sizes, seconds, rates.sizes);
    rates_of(old.dscp, interface.dscp, seconds, rates.dscp);
    if (!interface.loopback) {
      const TwoWayRate& counted = now.method == TrafficMethod::counters ? rates.kernel : rates.counted;
      result.total.in.packets_s += counted.in.packets_s;
      result.total.in.bytes_s += counted.in.bytes_s;
      result.total.out.packets_s += counted.out.packets_s;
      result.total.out.bytes_s += counted.out.bytes_s;
    }
    result.interfaces.push_back(rates);
  }
  // Both lists rise by id: one walk finds what is the same.
  result.flows.reserve(now.flows.size());
  std::size_t at = 0;
  for (const TrafficFlow& flow : now.flows) {
    while (at < before.flows.size() && before.flows[at].id < flow.id) ++at;
    const bool same = at < before.flows.size() && before.flows[at].id == flow.id;
    result.flows.push_back(rate(same ? before.flows[at].traffic : TwoWay{}, flow.traffic, seconds));
  }
  result.owners = rates_by_key(before.owners, now.owners, seconds, [](const TrafficOwner& owner) {
    return number_key(owner.pid) + owner.command;
  });
  result.hosts = rates_by_key(before.hosts, now.hosts, seconds, [](const TrafficHost& host) {
    return bytes_of(host.address.bytes.data(), host.address.version == 4 ? 4 : 16);
  });
  result.stations = rates_by_key(before.stations, now.stations, seconds, [](const TrafficStation& station) {
    return number_key(station.interface) + bytes_of(station.address.data(), station.address.size());
  });
  result.services = rates_by_key(before.services, now.services, seconds, [](const TrafficService& service) {
    return number_key(service.port | std::uint64_t{service.protocol} << 16);
  });
  result.vlans = rates_by_key(before.vlans, now.vlans, seconds, [](const TrafficVlan& vlan) {
    return number_key(vlan.interface | std::uint64_t{vlan.id} << 32);
  });
  return result;
}

namespace {

struct SortName {
  std::string_view name;
  TrafficSort sort;
};
constexpr std::array<SortName, 6> kSortNames{{{"rate", TrafficSort::bytes_rate},
                                              {"packet-rate", TrafficSort::packets_rate},
                                              {"in-rate", TrafficSort::in_rate},
                                              {"out-rate", TrafficSort::out_rate},
                                              {"bytes", TrafficSort::bytes},
                                              {"packets", TrafficSort::packets}}};

}  // namespace

std::optional<TrafficSort> traffic_sort(std::string_view name) {
  for (const SortName& known : kSortNames)
    if (known.name == name) return known.sort;
  return std::nullopt;
}

std::string_view traffic_sort_name(TrafficSort sort) {
  for (const SortName& known : kSortNames)
    if (known.sort == sort) return known.name;
  return {};
}

void TrafficHistory::add_to(Kept& kept, const TwoWayRate& rate, double seconds) {
  const auto raise = [](TrafficRate& peak, double packets_s, double bytes_s) {
    peak.packets_s = std::max(peak.packets_s, packets_s);
    peak.bytes_s = std::max(peak.bytes_s, bytes_s);
  };
  raise(kept.peak.in, rate.in.packets_s, rate.in.bytes_s);
  raise(kept.peak.out, rate.out.packets_s, rate.out.bytes_s);
  raise(kept.peak.both, rate.packets_s(), rate.bytes_s());
  kept.weighted.in.packets_s += rate.in.packets_s * seconds;
  kept.weighted.in.bytes_s += rate.in.bytes_s * seconds;
  kept.weighted.out.packets_s += rate.out.packets_s * seconds;
  kept.weighted.out.bytes_s += rate.out.bytes_s * seconds;
  kept.seconds += seconds;
}

void TrafficHistory::add(const TrafficSnapshot& now, const TrafficRates& rates) {
  add_to(kept_[0], rates.total, rates.seconds);
  for (std::size_t i = 0; i < now.interfaces.size() && i < rates.interfaces.size(); ++i) {
    const bool unseen = now.method == TrafficMethod::counters;
    add_to(kept_[now.interfaces[i].index], unseen ? rates.interfaces[i].kernel : rates.interfaces[i].counted,
           rates.seconds);
  }
}

TrafficPeak TrafficHistory::peak(std::uint32_t interface) const {
  const auto found = kept_.find(interface);
  return found == kept_.end() ? TrafficPeak{} : found->second.peak;
}

TrafficAverage TrafficHistory::average(std::uint32_t interface) const {
  const auto found = kept_.find(interface);
  if (found == kept_.end() || found->second.seconds <= 0) return {};
  const Kept& kept = found->second;
  const auto mean = [&kept](const TrafficRate& sum) {
    return TrafficRate{sum.packets_s / kept.seconds, sum.bytes_s / kept.seconds};
  };
  return {{mean(kept.weighted.in), mean(kept.weighted.out)}, kept.seconds};
}

namespace detail {

double sort_value(TrafficSort sort, const TwoWay& total, const TwoWayRate& rate) {
  switch (sort) {
    case TrafficSort::bytes_rate:
      return rate.bytes_s();
    case TrafficSort::packets_rate:
      return rate.packets_s();
    case TrafficSort::in_rate:
      return rate.in.bytes_s;
    case TrafficSort::out_rate:
      return rate.out.bytes_s;
    case TrafficSort::bytes:
      return static_cast<double>(total.bytes());
    case TrafficSort::packets:
      break;
  }
  return static_cast<double>(total.packets());
}

std::vector<std::size_t> largest(const std::vector<double>& values, const std::vector<double>& ties,
                                 std::size_t count) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto before = [&](std::size_t a, std::size_t b) {
    if (values[a] != values[b]) return values[a] > values[b];
    if (ties[a] != ties[b]) return ties[a] > ties[b];
    return a < b;
  };
  const std::size_t kept = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(), before);
  order.resize(kept);
  return order;
}

}  // namespace detail
}  // namespace isotach::network
