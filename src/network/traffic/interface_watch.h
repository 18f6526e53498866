// What the kernel counts for an interface, compared with what was counted here. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/route_link.h"
#include "kernel/system_root.h"
#include "network/traffic/snapshot.h"

namespace isotach::network {

// The size of the head of an interface's frames: 14 bytes for Ethernet and loopback, 0 for tunnels that carry
// bare IP; nothing for what cannot be counted, such as monitoring interfaces of wireless cards.
[[nodiscard]] std::optional<unsigned> link_head_of(unsigned hardware);

// The row of an interface that nothing was counted for yet.
[[nodiscard]] InterfaceTraffic new_row(const kernel::RouteLink& link);

// The speed of a card's link, as its driver tells it now; nothing for devices of software, and without a
// carrier.
[[nodiscard]] std::optional<std::uint64_t> speed_of(const kernel::SystemRoot& root,
                                                    const kernel::RouteLink& link);

struct WatchedInterface {
  // Read just before and after counting began. In between packets may have passed that one of both counted.
  kernel::RouteLink base_before, base_after;

  // Sets the kernel's counters and what is not accounted for in `row`; `before` and `after` were read just
  // before and after the moment up to which row.counted counts.
  void compare(const kernel::RouteLink& before, const kernel::RouteLink& after, InterfaceTraffic& row) const;
};

// The interfaces and the moment of reading them, which took so short that the counters are of that moment: a
// reading in which we had to wait for a processor is made again, some times.
struct LinksNow {
  Instant now;
  std::vector<kernel::RouteLink> links;
};
[[nodiscard]] Result<LinksNow> read_now(kernel::RouteSocket& routes, Clock& clock);

// The one with that index; nullptr without.
[[nodiscard]] const kernel::RouteLink* link_with(const std::vector<kernel::RouteLink>& links,
                                                 std::uint32_t index);

}  // namespace isotach::network
