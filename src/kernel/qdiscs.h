// The queueing disciplines of this network namespace and what they count (man 8 tc; rtnetlink: RTM_GETQDISC).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernel/netlink.h"

namespace isotach::kernel {

struct QdiscReading {
  unsigned interface = 0;  // its number
  std::string kind;        // "fq_codel", "tbf"
  std::uint32_t handle = 0, parent = 0;
  // Since it is there.
  std::uint64_t bytes = 0, packets = 0, dropped = 0, over_limit = 0, requeued = 0;
  std::uint32_t queued_packets = 0, queued_bytes = 0;  // now
};

// An answer behind the header of netlink; nothing for bytes that describe none.
[[nodiscard]] std::optional<QdiscReading> parse_qdisc(std::string_view payload);

inline constexpr std::size_t kQdiscLimit = 65536;
// `socket` is of NETLINK_ROUTE.
[[nodiscard]] Result<std::vector<QdiscReading>> list_qdiscs(NetlinkSocket& socket);

}  // namespace isotach::kernel
