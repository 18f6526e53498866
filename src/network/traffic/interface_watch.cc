#include "network/traffic/interface_watch.h"

#include <net/if_arp.h>

#include <algorithm>
#include <utility>

#include "base/fd.h"
#include "base/text.h"

namespace isotach::network {
namespace {

using kernel::LinkCounter;

std::uint64_t grown(const kernel::RouteLink& from, const kernel::RouteLink& to, LinkCounter counter) {
  return to[counter] >= from[counter] ? to[counter] - from[counter] : 0;
}

// `least` to `most` were counted here, `low` to `high` by the kernel: 0 where the ranges meet.
std::int64_t difference(std::uint64_t low, std::uint64_t high, std::uint64_t least, std::uint64_t most) {
  if (most < low) return static_cast<std::int64_t>(low - most);
  if (least > high) return -static_cast<std::int64_t>(least - high);
  return 0;
}

}  // namespace

std::optional<unsigned> link_head_of(unsigned hardware) {
  switch (hardware) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
      return 14;
    case ARPHRD_NONE:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case 823:  // ARPHRD_IP6GRE
    case 519:  // ARPHRD_RAWIP
      return 0;
    default:
      return std::nullopt;
  }
}

InterfaceTraffic new_row(const kernel::RouteLink& link) {
  InterfaceTraffic row;
  row.index = link.index;
  row.name = link.name;
  row.address = link.address;
  row.up = link.enabled;
  row.loopback = link.loopback;
  return row;
}

std::optional<std::uint64_t> speed_of(const kernel::SystemRoot& root, const kernel::RouteLink& link) {
  constexpr std::uint64_t kMegabit = 1'000'000;
  if (!link.kind.empty() || link.loopback) return std::nullopt;
  const auto text = read_file(root.path("sys/class/net/" + link.name + "/speed"), 64);
  if (!text) return std::nullopt;
  // -1 where the driver does not know.
  const auto megabits = parse_unsigned(trim(*text));
  if (!megabits || *megabits == 0 || *megabits >= 0xffff'ffff) return std::nullopt;
  return *megabits * kMegabit;
}

void WatchedInterface::compare(const kernel::RouteLink& before, const kernel::RouteLink& after,
                               InterfaceTraffic& row) const {
  row.name = after.name;
  row.up = after.enabled;
  const auto since = [&](LinkCounter counter) { return grown(base_after, before, counter); };
  row.kernel.traffic.in = {since(LinkCounter::rx_packets), since(LinkCounter::rx_bytes)};
  row.kernel.traffic.out = {since(LinkCounter::tx_packets), since(LinkCounter::tx_bytes)};
  row.kernel.errors_in = since(LinkCounter::rx_errors);
  row.kernel.errors_out = since(LinkCounter::tx_errors);
  row.kernel.dropped_in = since(LinkCounter::rx_dropped);
  row.kernel.dropped_out = since(LinkCounter::tx_dropped);
  row.kernel.multicast_in = since(LinkCounter::multicast);
  // What comes in on a device of software it has counted as it is carried: a GSO packet is one. A card may
  // count what it was put together from. What goes out may be cut after it was counted here, or by a card.
  // Anything between both counts is right there.
  const bool software = !after.kind.empty() || after.loopback;
  row.not_accounted_in = difference(
      grown(base_after, before, LinkCounter::rx_packets), grown(base_before, after, LinkCounter::rx_packets),
      row.as_carried.in.packets, software ? row.as_carried.in.packets : row.counted.in.packets);
  row.not_accounted_out = difference(grown(base_after, before, LinkCounter::tx_packets),
                                     grown(base_before, after, LinkCounter::tx_packets),
                                     row.as_carried.out.packets, row.counted.out.packets);
}

Result<LinksNow> read_now(kernel::RouteSocket& routes, Clock& clock) {
  constexpr int kTries = 4;
  // Twice what a machine with some dozen interfaces takes.
  constexpr std::int64_t kShortNs = 300'000;
  LinksNow result;
  for (int i = 0; i < kTries; ++i) {
    const std::int64_t began_ns = clock.now().monotonic_ns;
    auto links = routes.links();
    if (!links) return tl::make_unexpected(links.error());
    result.links = std::move(*links);
    result.now = clock.now();
    if (result.now.monotonic_ns - began_ns < kShortNs) break;
  }
  return result;
}

const kernel::RouteLink* link_with(const std::vector<kernel::RouteLink>& links, std::uint32_t index) {
  const auto found = std::lower_bound(
      links.begin(), links.end(), index,
      [](const kernel::RouteLink& link, std::uint32_t wanted) { return link.index < wanted; });
  return found != links.end() && found->index == index ? &*found : nullptr;
}

}  // namespace isotach::network
