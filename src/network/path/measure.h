// `isotach path HOST` with a partner: everything that is measured, in order, within bounds of time and bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/wait.h"
#include "kernel/socket.h"
#include "network/path/estimate.h"
#include "network/path/prober.h"

namespace isotach::path {

struct PathOptions {
  std::string host;
  std::uint16_t port = 5201;
  kernel::IpFamily family = kernel::IpFamily::any;
  Direction direction = Direction::to_peer;  // of probes and transfer
  bool both = false;                         // the other direction too, afterwards
  bool with_available = true;
  bool with_transfer = true;
  std::int64_t transfer_ns = 4 * kNanosecondsPerSecond;  // measured; slow start comes before
  std::int64_t available_ns = 12 * kNanosecondsPerSecond;
  std::uint32_t echoes = 200;
  std::string congestion;  // of the transfer; empty: the machine's
};

struct DelayFacts {
  std::size_t sent = 0, answered = 0;
  double rtt_min_ns = 0, rtt_p50_ns = 0, rtt_p90_ns = 0, rtt_p99_ns = 0, rtt_max_ns = 0;
  // One-way delay beyond the least: p90 forth and back.
  double forth_variation_ns = 0, back_variation_ns = 0;
};

enum class MtuLimit : std::uint8_t { none, told, black_hole };
struct PathMtu {
  int bytes = 0;
  int interface_bytes = 0;
  MtuLimit limit = MtuLimit::none;  // where the path carries less than the interface
};

struct HeaderBits {
  bool known = false;
  int sent_tos = 0, arrived_tos = 0;
  [[nodiscard]] bool ecn_bleached() const { return known && (sent_tos & 3) != 0 && (arrived_tos & 3) == 0; }
  [[nodiscard]] bool dscp_changed() const { return known && (sent_tos >> 2) != (arrived_tos >> 2); }
};

struct Transfer {
  double bps = 0;  // of payload, as the receiver counted it
  double seconds = 0;
  std::uint64_t bytes = 0;
  std::uint64_t retransmits = 0;
  std::string congestion;
  std::optional<double> window_limited, buffer_limited;  // shares of the time
  DelayFacts loaded;
};

struct PathReport {
  Direction direction = Direction::to_peer;
  kernel::SocketAddress local, peer;
  std::string interface;
  DelayFacts idle;
  PathMtu mtu;
  HeaderBits bits;
  std::optional<Capacity> capacity;
  std::optional<Available> available;
  std::optional<Transfer> transfer;
  Losses losses;
  Intrusion probing;  // without the transfer
  double capacity_seconds = 0, available_seconds = 0;
  std::uint64_t capacity_bytes = 0;
  std::vector<std::string> remarks;     // what could not be measured, and why
  std::unique_ptr<PathReport> reverse;  // of the other direction, where that was wanted
};

// `tell` is called with what is done next.
[[nodiscard]] Result<PathReport> measure_path(const PathOptions& options, SignalWaiter& waiter, Clock& clock,
                                              const std::function<void(const std::string&)>& tell);

[[nodiscard]] DelayFacts delays_of(const std::vector<std::optional<Echo>>& echoes);

}  // namespace isotach::path
