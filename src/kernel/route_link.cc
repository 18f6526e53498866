#include "kernel/route_link.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "kernel/netlink_attributes.h"

namespace isotach::kernel {
namespace {

constexpr std::array<std::string_view, kLinkCounterCount> kCounterNames = {
    "rx_packets",       "tx_packets",        "rx_bytes",          "tx_bytes",        "rx_errors",
    "tx_errors",        "rx_dropped",        "tx_dropped",        "multicast",       "collisions",
    "rx_length_errors", "rx_over_errors",    "rx_crc_errors",     "rx_frame_errors", "rx_fifo_errors",
    "rx_missed_errors", "tx_aborted_errors", "tx_carrier_errors", "tx_fifo_errors",  "tx_heartbeat_errors",
    "tx_window_errors", "rx_compressed",     "tx_compressed",     "rx_nohandler"};

std::string state_name(std::uint64_t state) {
  constexpr std::array<const char*, 7> kNames = {"unknown", "not present", "down", "lower layer down",
                                                 "testing", "dormant",     "up"};
  return state < kNames.size() ? kNames[state] : "unknown";
}

std::string address_text(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!text.empty()) text += ':';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

void take_kinds(std::string_view nested, RouteLink& link) {
  for (const NetlinkAttribute& attribute : netlink_attributes(nested)) {
    if (attribute.type == IFLA_INFO_KIND) link.kind = attribute.text();
    if (attribute.type == IFLA_INFO_SLAVE_KIND) link.member_kind = attribute.text();
  }
}

void take(const NetlinkAttribute& attribute, RouteLink& link) {
  const auto number = [&] { return attribute.number().value_or(0); };
  switch (attribute.type) {
    case IFLA_IFNAME:
      link.name = attribute.text();
      break;
    case IFLA_ADDRESS:
      link.address = address_text(attribute.payload);
      break;
    case IFLA_MTU:
      link.mtu = static_cast<std::uint32_t>(number());
      break;
    case IFLA_MASTER:
      link.master = static_cast<unsigned>(number());
      break;
    case IFLA_LINK:
      link.lower = static_cast<unsigned>(number());
      break;
    case IFLA_LINK_NETNSID:
      link.lower_namespace = static_cast<int>(number());
      break;
    case IFLA_OPERSTATE:
      link.state = state_name(number());
      break;
    case IFLA_CARRIER_CHANGES:
      link.carrier_changes = attribute.number();
      break;
    case IFLA_LINKINFO:
      take_kinds(attribute.payload, link);
      break;
    case IFLA_STATS64: {
      // An older kernel has fewer counters; those stay 0, as they were for it.
      const std::size_t size = std::min(attribute.payload.size(), sizeof link.counters);
      std::memcpy(link.counters.data(), attribute.payload.data(), size);
      link.counters_told = size >= 10 * sizeof(std::uint64_t);
      break;
    }
    default:
      break;
  }
}

void put_link_header(NetlinkMessage& message, unsigned index) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  message.put_header(&header, sizeof header);
}

}  // namespace

std::string_view link_counter_name(LinkCounter counter) {
  return kCounterNames[static_cast<std::size_t>(counter)];
}

std::optional<RouteLink> parse_route_link(std::string_view payload) {
  ifinfomsg header{};
  if (payload.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, payload.data(), sizeof header);
  RouteLink link;
  link.index = static_cast<unsigned>(header.ifi_index);
  link.hardware = header.ifi_type;
  link.enabled = (header.ifi_flags & IFF_UP) != 0;
  link.loopback = (header.ifi_flags & IFF_LOOPBACK) != 0;
  link.running = (header.ifi_flags & IFF_LOWER_UP) != 0;
  link.state = "unknown";
  for (const NetlinkAttribute& attribute : netlink_attributes(payload.substr(sizeof header)))
    take(attribute, link);
  if (link.name.empty()) return std::nullopt;
  return link;
}

Result<RouteSocket> RouteSocket::open() {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return tl::make_unexpected(std::move(socket.error()));
  return RouteSocket(std::move(*socket));
}

Result<std::vector<RouteLink>> RouteSocket::links() {
  NetlinkMessage message(RTM_GETLINK, NetlinkMessage::Kind::dump);
  put_link_header(message, 0);
  std::vector<RouteLink> links;
  const auto asked = socket_.ask(message, "list the interfaces", [&](std::string_view payload) {
    auto link = parse_route_link(payload);
    if (link && links.size() < kLimit) links.push_back(std::move(*link));
  });
  if (!asked) return tl::make_unexpected(asked.error());
  std::sort(links.begin(), links.end(),
            [](const RouteLink& a, const RouteLink& b) { return a.index < b.index; });
  return links;
}

Result<RouteLink> RouteSocket::one(NetlinkMessage& message, const std::string& doing) {
  std::optional<RouteLink> link;
  const auto asked =
      socket_.ask(message, doing, [&](std::string_view payload) { link = parse_route_link(payload); });
  if (!asked) return tl::make_unexpected(asked.error());
  if (!link) return system_failure(EBADMSG, doing);
  return std::move(*link);
}

Result<RouteLink> RouteSocket::link(const std::string& name) {
  NetlinkMessage message(RTM_GETLINK, NetlinkMessage::Kind::get);
  put_link_header(message, 0);
  message.put_text(IFLA_IFNAME, name);
  return one(message, "ask for the interface " + printable(name));
}

Result<RouteLink> RouteSocket::link(unsigned index, std::optional<int> name_space) {
  NetlinkMessage message(RTM_GETLINK, NetlinkMessage::Kind::get);
  put_link_header(message, index);
  if (name_space) message.put_u32(IFLA_TARGET_NETNSID, static_cast<std::uint32_t>(*name_space));
  return one(message, "ask for the interface with the number " + std::to_string(index));
}

Result<void> RouteSocket::set_mtu(unsigned index, std::uint32_t mtu) {
  NetlinkMessage message(RTM_SETLINK, NetlinkMessage::Kind::change);
  put_link_header(message, index);
  message.put_u32(IFLA_MTU, mtu);
  return socket_.ask(message, "set the MTU to " + std::to_string(mtu));
}

}  // namespace isotach::kernel
