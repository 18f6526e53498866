// What a path needs of TCP, what this host allows, and what to change. The arithmetic: as much must be under
// way as the path holds, the bandwidth-delay product; a window or buffer below that caps the rate at window /
// RTT.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace isotach::path {

// Of this host; nothing where it cannot be read.
struct HostTcp {
  std::optional<std::array<std::uint64_t, 3>> rmem, wmem;  // net.ipv4.tcp_rmem, tcp_wmem: least, first, most
  std::optional<std::uint64_t> rmem_max, wmem_max;         // net.core: what programs may ask for
  std::optional<bool> window_scaling;
  std::string congestion;
  std::string congestion_available;
  std::string default_qdisc;
  std::string interface;  // that leads to the partner
  std::optional<bool> segmentation_offload, receive_offload;
};
[[nodiscard]] HostTcp read_host_tcp(const std::string& interface, const std::string& root = "");

// Of what the kernel keeps for a socket, so much is window: the rest is overhead of packets. Measured.
inline constexpr double kReceiveWindowShare = 0.62;
inline constexpr double kSendWindowShare = 0.65;
// So many times the product makes a window of 1.5 products: for what waits in the path's queue, and for a
// product that was measured too small. With 0.6 of it there is less under way than the path holds.
inline constexpr double kBufferFactor = 2.4;

struct PathNeeds {
  double capacity_bps = 0;
  double rtt_ns = 0;  // without queues
  double loss = 0;    // share of packets
  std::size_t mss_bytes = 1448;
};

struct Cap {
  std::string by;           // "tcp_wmem", "tcp_rmem", "window scaling", "loss"
  double window_bytes = 0;  // 0: it is no window
  double bps = 0;
};

struct Change {
  std::string command;  // "sysctl -w net.ipv4.tcp_wmem='4096 16384 8388608'"
  double from_bps = 0;  // what TCP reaches at most before, and after
  double to_bps = 0;
  std::string why;
};

struct Advice {
  double bdp_bytes = 0;
  double window_bytes = 0;      // that the path needs
  double buffer_bytes = 0;      // for it
  std::vector<Cap> caps;        // all that this host and the path set, lowest first
  std::vector<Change> changes;  // empty: nothing would be gained
  std::uint64_t write_bytes = 0;
  int streams = 1;
  std::vector<std::string> notes;
};
[[nodiscard]] Advice advise(const PathNeeds& needs, const HostTcp& host);

}  // namespace isotach::path
