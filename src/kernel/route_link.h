// What the kernel's routing socket tells about every interface at once, and the MTU, which is set there
// (man 7 rtnetlink: RTM_GETLINK).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernel/netlink.h"

namespace isotach::kernel {

// In the order of struct rtnl_link_stats64.
enum class LinkCounter : std::size_t {
  rx_packets,
  tx_packets,
  rx_bytes,
  tx_bytes,
  rx_errors,
  tx_errors,
  rx_dropped,
  tx_dropped,
  multicast,
  collisions,
  rx_length_errors,
  rx_over_errors,
  rx_crc_errors,
  rx_frame_errors,
  rx_fifo_errors,
  rx_missed_errors,
  tx_aborted_errors,
  tx_carrier_errors,
  tx_fifo_errors,
  tx_heartbeat_errors,
  tx_window_errors,
  rx_compressed,
  tx_compressed,
  rx_nohandler,
};
inline constexpr std::size_t kLinkCounterCount = static_cast<std::size_t>(LinkCounter::rx_nohandler) + 1;
[[nodiscard]] std::string_view link_counter_name(LinkCounter counter);  // "rx_packets"

struct RouteLink {
  unsigned index = 0;
  std::string name;
  unsigned hardware = 0;  // ARPHRD_*: what kind of frames it carries
  bool enabled = false;   // an administrator has set it up
  bool loopback = false;
  bool running = false;  // the kernel's IFF_LOWER_UP: the driver sees a carrier
  std::string state;     // "up", "down", "unknown", ... as ip link says it
  std::string address;   // "02:fc:00:00:00:01"; empty where there is none
  std::uint32_t mtu = 0;
  unsigned master = 0;                 // index of its bridge or bond; 0 for none
  unsigned lower = 0;                  // index of a VLAN's parent or a veth's other end; 0 for none
  std::optional<int> lower_namespace;  // where `lower` is, when it is in another network namespace
  std::string kind;                    // "veth", "bridge", "vlan", ...; empty for plain devices
  std::string member_kind;             // "bond" when it is a member of one
  std::optional<std::uint64_t> carrier_changes;
  bool counters_told = false;
  std::array<std::uint64_t, kLinkCounterCount> counters{};

  [[nodiscard]] std::uint64_t operator[](LinkCounter counter) const {
    return counters[static_cast<std::size_t>(counter)];
  }
};

// The answer behind the header of netlink; nothing for bytes that describe no interface.
[[nodiscard]] std::optional<RouteLink> parse_route_link(std::string_view payload);

class RouteSocket {
 public:
  [[nodiscard]] static Result<RouteSocket> open();
  // All interfaces of this namespace in the order of their indexes, at most kLimit.
  [[nodiscard]] Result<std::vector<RouteLink>> links();
  // One of them, also in the namespace that this one knows by that number.
  [[nodiscard]] Result<RouteLink> link(const std::string& name);
  [[nodiscard]] Result<RouteLink> link(unsigned index, std::optional<int> name_space = std::nullopt);
  [[nodiscard]] Result<void> set_mtu(unsigned index, std::uint32_t mtu);

  static constexpr std::size_t kLimit = 16384;

 private:
  explicit RouteSocket(NetlinkSocket socket) : socket_(std::move(socket)) {}
  [[nodiscard]] Result<RouteLink> one(NetlinkMessage& message, const std::string& doing);

  NetlinkSocket socket_;
};

}  // namespace isotach::kernel
