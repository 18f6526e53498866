// From groups of traffic to what is shown of them: rows with words and numbers, the largest first, those
// alone that hold a text, those alone that fit.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "command/traffic/host_names.h"
#include "command/traffic/session.h"
#include "view/traffic/traffic.h"

namespace isotach::command {

struct TrafficListing {
  network::TrafficBy by = network::TrafficBy::flow;
  std::optional<network::TrafficScope> scope;
  network::TrafficSort sort = network::TrafficSort::bytes_rate;
  std::string search;
  std::size_t first = 0;
  std::size_t rows = 0;    // 0: all
  bool whole_run = false;  // rates over the whole run instead of the last interval
};

// Groups in the order in which they are shown, and where they came from.
struct TrafficSelection {
  std::vector<network::TrafficGroup> groups;  // those that are shown
  std::size_t first = 0, matching = 0, known = 0;
};
[[nodiscard]] TrafficSelection select_traffic(const TrafficSession& session, const TrafficListing& listing,
                                              HostNames* names);

// `names` may be nullptr.
[[nodiscard]] view::TrafficList traffic_list(const TrafficSession& session, const TrafficListing& listing,
                                             const TrafficSelection& selection, HostNames* names);
[[nodiscard]] view::TrafficAmounts traffic_amounts(const network::TwoWay& traffic,
                                                   const network::TwoWayRate& rate, bool has_rate,
                                                   const TrafficSpeeds& speeds);
// "192.0.2.1", or the name of it where it is known.
[[nodiscard]] std::string host_text(const network::IpAddress& address, HostNames* names);
[[nodiscard]] std::string traffic_source_name(
    network::TrafficMethod method);  // "eBPF", "packet ring", "counters"

}  // namespace isotach::command
