// What two snapshots tell: rates, top lists, peaks and averages. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/traffic/snapshot.h"

namespace isotach::network {

struct TrafficRate {
  double packets_s = 0;
  double bytes_s = 0;

  [[nodiscard]] double bits_s() const { return bytes_s * 8; }
};

struct TwoWayRate {
  TrafficRate in;
  TrafficRate out;

  [[nodiscard]] double packets_s() const { return in.packets_s + out.packets_s; }
  [[nodiscard]] double bytes_s() const { return in.bytes_s + out.bytes_s; }
  [[nodiscard]] double bits_s() const { return bytes_s() * 8; }
};

// A counter that went backwards, as no source's does, gives 0.
[[nodiscard]] TwoWayRate rate(const TwoWay& before, const TwoWay& now, double seconds);

struct InterfaceRates {
  TwoWayRate counted;
  TwoWayRate kernel;                          // from the interface's own counters
  std::optional<double> share_in, share_out;  // of the link's speed: 0 to 1
  std::array<TwoWayRate, kTrafficProtocols> protocols{};
  std::array<TwoWayRate, kTrafficCasts> casts{};
  std::array<TwoWayRate, kTrafficSizeFloors.size()> sizes{};
  std::array<TwoWayRate, kDscpClasses> dscp{};
};

// Each vector has one element for each row of the snapshot's vector of that name, in its order. What is new
// since the snapshot before started from 0.
struct TrafficRates {
  double seconds = 0;
  TwoWayRate total;  // of all interfaces, loopback left out
  std::vector<InterfaceRates> interfaces;
  std::vector<TwoWayRate> owners, flows, hosts, stations, services, vlans;
};

// Nothing when no time has passed between them.
[[nodiscard]] std::optional<TrafficRates> rates(const TrafficSnapshot& before, const TrafficSnapshot& now);

enum class TrafficSort : std::uint8_t {
  bytes_rate,
  packets_rate,
  in_rate,   // bytes
  out_rate,  // bytes
  bytes,     // totals
  packets,
};
// "rate", "packet-rate", "in-rate", "out-rate", "bytes", "packets"
[[nodiscard]] std::optional<TrafficSort> traffic_sort(std::string_view name);
[[nodiscard]] std::string_view traffic_sort_name(TrafficSort sort);

// The indexes of the first `count` rows, largest first; equal ones by totals, then in their order.
// Row: anything with a member `traffic`. `row_rates` may be empty: then all rates are 0.
template <class Row>
[[nodiscard]] std::vector<std::size_t> top(const std::vector<Row>& rows,
                                           const std::vector<TwoWayRate>& row_rates, TrafficSort sort,
                                           std::size_t count);

// Peaks and averages of each interface over all intervals given.
struct TrafficPeak {
  TrafficRate in, out, both;  // largest of an interval, each for itself
};
struct TrafficAverage {
  TwoWayRate rate;
  double seconds = 0;
};

class TrafficHistory {
 public:
  void add(const TrafficSnapshot& now, const TrafficRates& rates);
  // By the index of an interface; 0 for all of them together, loopback left out.
  [[nodiscard]] TrafficPeak peak(std::uint32_t interface) const;
  [[nodiscard]] TrafficAverage average(std::uint32_t interface) const;

 private:
  struct Kept {
    TrafficPeak peak;
    TwoWayRate weighted;  // rates times seconds
    double seconds = 0;
  };
  static void add_to(Kept& kept, const TwoWayRate& rate, double seconds);
  std::map<std::uint32_t, Kept> kept_;
};

namespace detail {
// What `sort` compares first.
[[nodiscard]] double sort_value(TrafficSort sort, const TwoWay& total, const TwoWayRate& rate);
[[nodiscard]] std::vector<std::size_t> largest(const std::vector<double>& values,
                                               const std::vector<double>& ties, std::size_t count);
}  // namespace detail

template <class Row>
std::vector<std::size_t> top(const std::vector<Row>& rows, const std::vector<TwoWayRate>& row_rates,
                             TrafficSort sort, std::size_t count) {
  std::vector<double> values;
  std::vector<double> ties;
  values.reserve(rows.size());
  ties.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const TwoWayRate none;
    values.push_back(detail::sort_value(sort, rows[i].traffic, i < row_rates.size() ? row_rates[i] : none));
    ties.push_back(static_cast<double>(rows[i].traffic.bytes()));
  }
  return detail::largest(values, ties, count);
}

}  // namespace isotach::network
