// The hops to a host, by probes whose hop limit runs out on the way: who answers, after what time, and what
// the least delays of small and large probes say of each link (V. Jacobson: pathchar, 1997). Errors add up
// along the path, so each figure has its uncertainty, and there is none where it would be larger than the
// figure. Needs CAP_NET_RAW.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/wait.h"
#include "kernel/socket.h"

namespace isotach::path {

enum class HopProbe : std::uint8_t { icmp, udp, tcp };

struct HopOptions {
  HopProbe probe = HopProbe::icmp;
  int most_hops = 30;
  int rounds = 20;  // of probes of each size, to each hop
  std::int64_t patience_ns = 1'000'000'000;
  std::uint16_t port = 443;  // of tcp
};

struct Hop {
  int number = 0;
  std::string address;  // empty: nobody answered
  bool is_target = false;
  std::size_t sent = 0, answered = 0;
  double rtt_min_ns = 0, rtt_p50_ns = 0, rtt_p90_ns = 0;
  // Of the link that leads here; nothing where the differences are within their error.
  std::optional<double> link_bps, link_low_bps, link_high_bps;
  // How much longer than at the hop before probes waited, at the median.
  double queueing_ns = 0;
};

struct HopReport {
  kernel::SocketAddress target;
  std::vector<Hop> hops;
  bool reached = false;
};

[[nodiscard]] Result<HopReport> trace_hops(const kernel::SocketAddress& target, const HopOptions& options,
                                           SignalWaiter& waiter, const std::function<void(const Hop&)>& tell);

// Least RTTs of one hop by size of the probe.
struct SizedRtt {
  double wire_bytes = 0;
  double rtt_ns = 0;
  double error_ns = 0;  // how far the second least is from it
};
// Fills in what the differences from hop to hop say of links. Pure.
void judge_links(std::vector<Hop>& hops, const std::vector<std::vector<SizedRtt>>& least);

}  // namespace isotach::path
