#include "kernel/network_setup.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

namespace isotach::kernel {
namespace {

template <class Value>
std::string_view bytes_of(const Value& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

Result<NetworkSetup> NetworkSetup::open() {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return tl::make_unexpected(std::move(socket.error()));
  return NetworkSetup(std::move(*socket));
}

Result<void> NetworkSetup::make_veth(const VethPair& pair) {
  NetlinkMessage message(RTM_NEWLINK, NetlinkMessage::Kind::create);
  const ifinfomsg header{};
  message.put_header(&header, sizeof header);
  const auto put_common = [&](const std::string& name) {
    message.put_text(IFLA_IFNAME, name);
    message.put_u32(IFLA_TXQLEN, pair.queue_packets);
    message.put_u32(IFLA_MTU, pair.mtu);
  };
  put_common(pair.name);
  const std::size_t info = message.begin_nest(IFLA_LINKINFO);
  message.put_text(IFLA_INFO_KIND, "veth");
  const std::size_t data = message.begin_nest(IFLA_INFO_DATA);
  const std::size_t peer = message.begin_nest(VETH_INFO_PEER);
  message.put_header(&header, sizeof header);
  put_common(pair.other_name);
  message.put_bytes(IFLA_ADDRESS, bytes_of(pair.other_address));
  message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(pair.other_namespace));
  message.end_nest(peer);
  message.end_nest(data);
  message.end_nest(info);
  return socket_.ask(message, "make the interfaces " + pair.name + " and " + pair.other_name);
}

Result<void> NetworkSetup::set_up(unsigned interface) {
  NetlinkMessage message(RTM_NEWLINK, NetlinkMessage::Kind::change);
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(interface);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  message.put_header(&header, sizeof header);
  return socket_.ask(message, "set an interface up");
}

Result<void> NetworkSetup::address(unsigned interface, int family, std::string_view bytes, int prefix) {
  NetlinkMessage message(RTM_NEWADDR, NetlinkMessage::Kind::create);
  ifaddrmsg header{};
  header.ifa_family = static_cast<std::uint8_t>(family);
  header.ifa_prefixlen = static_cast<std::uint8_t>(prefix);
  header.ifa_flags = IFA_F_NODAD;
  header.ifa_index = interface;
  message.put_header(&header, sizeof header);
  message.put_bytes(IFA_LOCAL, bytes);
  message.put_bytes(IFA_ADDRESS, bytes);
  return socket_.ask(message, "give an interface its address");
}

Result<void> NetworkSetup::add_address(unsigned interface, const in_addr& to, int prefix) {
  return address(interface, AF_INET, bytes_of(to), prefix);
}

Result<void> NetworkSetup::add_address(unsigned interface, const in6_addr& to, int prefix) {
  return address(interface, AF_INET6, bytes_of(to), prefix);
}

Result<void> NetworkSetup::neighbour(unsigned interface, int family, std::string_view bytes,
                                     const HardwareAddress& hardware) {
  NetlinkMessage message(RTM_NEWNEIGH, NetlinkMessage::Kind::create);
  ndmsg header{};
  header.ndm_family = static_cast<std::uint8_t>(family);
  header.ndm_ifindex = static_cast<int>(interface);
  header.ndm_state = NUD_PERMANENT;
  message.put_header(&header, sizeof header);
  message.put_bytes(NDA_DST, bytes);
  message.put_bytes(NDA_LLADDR, bytes_of(hardware));
  return socket_.ask(message, "tell an interface its neighbour");
}

Result<void> NetworkSetup::add_neighbour(unsigned interface, const in_addr& to,
                                         const HardwareAddress& hardware) {
  return neighbour(interface, AF_INET, bytes_of(to), hardware);
}

Result<void> NetworkSetup::add_neighbour(unsigned interface, const in6_addr& to,
                                         const HardwareAddress& hardware) {
  return neighbour(interface, AF_INET6, bytes_of(to), hardware);
}

Result<void> NetworkSetup::route(unsigned interface, int family, std::string_view to,
                                 std::string_view gateway) {
  NetlinkMessage message(RTM_NEWROUTE, NetlinkMessage::Kind::create);
  rtmsg header{};
  header.rtm_family = static_cast<std::uint8_t>(family);
  header.rtm_dst_len = static_cast<std::uint8_t>(to.size() * 8);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = gateway.empty() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  message.put_header(&header, sizeof header);
  if (!to.empty()) message.put_bytes(RTA_DST, to);
  if (!gateway.empty()) message.put_bytes(RTA_GATEWAY, gateway);
  message.put_u32(RTA_OIF, interface);
  return socket_.ask(message, "add a route");
}

Result<void> NetworkSetup::add_route(unsigned interface, const in_addr& to) {
  return route(interface, AF_INET, bytes_of(to), {});
}

Result<void> NetworkSetup::add_default_route(unsigned interface, const in_addr& gateway) {
  return route(interface, AF_INET, {}, bytes_of(gateway));
}

Result<void> NetworkSetup::add_default_route(unsigned interface, const in6_addr& gateway) {
  return route(interface, AF_INET6, {}, bytes_of(gateway));
}

}  // namespace isotach::kernel
