// What groups of traffic are called, and what there is to know about each.
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "base/text.h"

#include "network/packet/tcp_header.h"
#include "network/traffic/groups.h"

namespace isotach::network {
namespace {

struct Named {
  std::uint32_t number;
  std::string_view name;
};

template <std::size_t size>
std::string_view find_name(const std::array<Named, size>& names, std::uint32_t number) {
  for (const Named& named : names)
    if (named.number == number) return named.name;
  return {};
}

// IANA, protocol numbers; those that are met.
constexpr std::array kIpProtocols = {
    Named{0, "hopopt"}, Named{1, "icmp"},   Named{2, "igmp"},   Named{4, "ipip"},     Named{6, "tcp"},
    Named{17, "udp"},   Named{33, "dccp"},  Named{41, "6in4"},  Named{47, "gre"},     Named{50, "esp"},
    Named{51, "ah"},    Named{58, "icmp6"}, Named{88, "eigrp"}, Named{89, "ospf"},    Named{103, "pim"},
    Named{112, "vrrp"}, Named{115, "l2tp"}, Named{132, "sctp"}, Named{136, "udplite"}};

constexpr std::array kEtherTypes = {Named{0x0800, "IPv4"},   Named{0x0806, "ARP"},     Named{0x8035, "RARP"},
                                    Named{0x86dd, "IPv6"},   Named{0x8863, "PPPoE-D"}, Named{0x8864, "PPPoE"},
                                    Named{0x888e, "802.1X"}, Named{0x88cc, "LLDP"},    Named{0x88f7, "PTP"},
                                    Named{0x8847, "MPLS"},   Named{0x88e5, "MACsec"},  Named{0x8809, "LACP"}};

// The classes of RFC 2474, 2597, 3246, 5865 and 8622.
constexpr std::array kDscpNames = {
    Named{0, "default"}, Named{1, "LE"},    Named{8, "CS1"},   Named{10, "AF11"}, Named{12, "AF12"},
    Named{14, "AF13"},   Named{16, "CS2"},  Named{18, "AF21"}, Named{20, "AF22"}, Named{22, "AF23"},
    Named{24, "CS3"},    Named{26, "AF31"}, Named{28, "AF32"}, Named{30, "AF33"}, Named{32, "CS4"},
    Named{34, "AF41"},   Named{36, "AF42"}, Named{38, "AF43"}, Named{40, "CS5"},  Named{44, "VA"},
    Named{46, "EF"},     Named{48, "CS6"},  Named{56, "CS7"}};

// Services that people know by name. Others are their number: /etc/services names thousands that are not
// what runs there.
constexpr std::array kServices = {Named{20, "ftp-data"},
                                  Named{21, "ftp"},
                                  Named{22, "ssh"},
                                  Named{23, "telnet"},
                                  Named{25, "smtp"},
                                  Named{53, "dns"},
                                  Named{67, "dhcp"},
                                  Named{68, "dhcp"},
                                  Named{69, "tftp"},
                                  Named{80, "http"},
                                  Named{88, "kerberos"},
                                  Named{110, "pop3"},
                                  Named{111, "rpcbind"},
                                  Named{123, "ntp"},
                                  Named{137, "netbios"},
                                  Named{138, "netbios"},
                                  Named{139, "netbios"},
                                  Named{143, "imap"},
                                  Named{161, "snmp"},
                                  Named{162, "snmp-trap"},
                                  Named{179, "bgp"},
                                  Named{389, "ldap"},
                                  Named{443, "https"},
                                  Named{445, "smb"},
                                  Named{465, "smtps"},
                                  Named{500, "ike"},
                                  Named{514, "syslog"},
                                  Named{546, "dhcpv6"},
                                  Named{547, "dhcpv6"},
                                  Named{587, "submission"},
                                  Named{631, "ipp"},
                                  Named{636, "ldaps"},
                                  Named{853, "dns-tls"},
                                  Named{873, "rsync"},
                                  Named{993, "imaps"},
                                  Named{995, "pop3s"},
                                  Named{1194, "openvpn"},
                                  Named{1433, "mssql"},
                                  Named{1883, "mqtt"},
                                  Named{2049, "nfs"},
                                  Named{2379, "etcd"},
                                  Named{2380, "etcd"},
                                  Named{3128, "proxy"},
                                  Named{3306, "mysql"},
                                  Named{3389, "rdp"},
                                  Named{4500, "ipsec"},
                                  Named{4739, "ipfix"},
                                  Named{5060, "sip"},
                                  Named{5201, "iperf3"},
                                  Named{5353, "mdns"},
                                  Named{5432, "postgresql"},
                                  Named{5672, "amqp"},
                                  Named{5900, "vnc"},
                                  Named{6379, "redis"},
                                  Named{6443, "kubernetes"},
                                  Named{8080, "http"},
                                  Named{8443, "https"},
                                  Named{9090, "prometheus"},
                                  Named{9100, "node-exporter"},
                                  Named{9092, "kafka"},
                                  Named{9200, "elasticsearch"},
                                  Named{11211, "memcached"},
                                  Named{27017, "mongodb"},
                                  Named{51820, "wireguard"}};

constexpr std::array<std::string_view, kTrafficCasts> kCastNames = {"unicast", "multicast", "broadcast"};

TrafficAttribute text_of(std::string_view key, std::string text) {
  return {key, false, std::move(text), {}};
}
TrafficAttribute number_of(std::string_view key, Value number) {
  return {key, true, {}, number};
}
Value known(std::uint64_t number, bool is_known = true) {
  return is_known ? Value::of(number) : Value();
}
Value optional_value(const std::optional<std::uint64_t>& number) {
  return number ? Value::of(*number) : Value();
}

std::string interface_name(const TrafficSnapshot& snapshot, std::uint32_t index) {
  const InterfaceTraffic* interface = snapshot.find_interface(index);
  return interface == nullptr ? "#" + std::to_string(index) : interface->name;
}

bool has_ports(const TrafficFlow& flow) {
  return flow.ip_version != 0 && (flow.local_port != 0 || flow.remote_port != 0);
}

const TrafficOwner& owner_of(const TrafficSnapshot& snapshot, const TrafficFlow& flow) {
  static const TrafficOwner kNobody;
  return flow.owner < snapshot.owners.size() ? snapshot.owners[flow.owner] : kNobody;
}

std::vector<TrafficAttribute> flow_attributes(const TrafficSnapshot& snapshot, const TrafficFlow& flow) {
  const bool ip = flow.ip_version != 0;
  const TrafficOwner& owner = owner_of(snapshot, flow);
  return {
      text_of("interface", interface_name(snapshot, flow.interface)),
      text_of("protocol", flow_protocol_text(flow)),
      text_of("local_address", ip ? flow.local.text() : ""),
      number_of("local_port", known(flow.local_port, has_ports(flow))),
      text_of("remote_address", ip ? flow.remote.text() : ""),
      number_of("remote_port", known(flow.remote_port, has_ports(flow))),
      text_of("state", std::string(tcp_state_name(flow.state))),
      text_of("flags_in", tcp_flags_text(flow.flags_in)),
      text_of("flags_out", tcp_flags_text(flow.flags_out)),
      number_of("retransmits", optional_value(flow.retransmits)),
      number_of("rtt_ns", optional_value(flow.rtt_ns)),
      number_of("pid", known(owner.pid, owner.pid != 0)),
      text_of("process", owner.command),
      text_of("container", owner.container),
      number_of("vlan", known(flow.vlan, flow.vlan != 0)),
      number_of("dscp", known(flow.dscp, ip)),
      text_of("station", station_text(flow.station)),
      number_of("duration_ns",
                known(static_cast<std::uint64_t>(std::max<std::int64_t>(0, flow.last_ns - flow.first_ns)))),
      number_of("idle_ns", known(static_cast<std::uint64_t>(
                               std::max<std::int64_t>(0, snapshot.time.monotonic_ns - flow.last_ns))))};
}

std::vector<TrafficAttribute> interface_attributes(const InterfaceTraffic& interface) {
  const auto missing = [](const std::optional<std::int64_t>& packets) {
    return packets ? Value::of_signed(*packets) : Value();
  };
  const KernelCounters& kernel = interface.kernel;
  return {text_of("interface", interface.name),
          text_of("address", interface.address),
          text_of("state", interface.up ? "up" : "down"),
          number_of("speed_bits_per_second", optional_value(interface.speed_bits_s)),
          number_of("not_accounted_in_packets", missing(interface.not_accounted_in)),
          number_of("not_accounted_out_packets", missing(interface.not_accounted_out)),
          number_of("source_dropped_packets", known(interface.dropped)),
          number_of("carried_in_packets", known(interface.as_carried.in.packets)),
          number_of("carried_out_packets", known(interface.as_carried.out.packets)),
          number_of("carried_in_bytes", known(interface.as_carried.in.bytes)),
          number_of("carried_out_bytes", known(interface.as_carried.out.bytes)),
          number_of("kernel_in_packets", known(kernel.traffic.in.packets)),
          number_of("kernel_out_packets", known(kernel.traffic.out.packets)),
          number_of("kernel_in_bytes", known(kernel.traffic.in.bytes)),
          number_of("kernel_out_bytes", known(kernel.traffic.out.bytes)),
          number_of("in_errors", known(kernel.errors_in)),
          number_of("out_errors", known(kernel.errors_out)),
          number_of("in_dropped", known(kernel.dropped_in)),
          number_of("out_dropped", known(kernel.dropped_out)),
          number_of("malformed_packets", known(interface.malformed.packets)),
          number_of("fragment_packets", known(interface.fragments.packets))};
}

}  // namespace

std::string ip_protocol_name(std::uint8_t protocol) {
  const std::string_view name = find_name(kIpProtocols, protocol);
  return name.empty() ? std::to_string(protocol) : std::string(name);
}

std::string ether_type_name(std::uint16_t ether_type) {
  const std::string_view name = find_name(kEtherTypes, ether_type);
  return name.empty() ? fmt::format("0x{:04x}", ether_type) : std::string(name);
}

std::uint8_t ip_protocol_number(std::string_view name) {
  for (const Named& named : kIpProtocols)
    if (named.name == name) return static_cast<std::uint8_t>(named.number);
  const auto number = parse_unsigned(name);
  return number && *number < 256 ? static_cast<std::uint8_t>(*number) : 0;
}

std::uint16_t ether_type_number(std::string_view name) {
  for (const Named& named : kEtherTypes)
    if (named.name == name) return static_cast<std::uint16_t>(named.number);
  std::uint16_t number = 0;
  if (!name.starts_with("0x")) return 0;
  name.remove_prefix(2);
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number, 16);
  return error == std::errc() && end == name.data() + name.size() ? number : std::uint16_t{0};
}

std::string station_text(const std::array<std::uint8_t, 6>& s) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", s[0], s[1], s[2], s[3], s[4], s[5]);
}

std::string dscp_name(std::size_t dscp) {
  const std::string_view name = find_name(kDscpNames, static_cast<std::uint32_t>(dscp));
  return name.empty() ? std::to_string(dscp) : std::string(name);
}

std::string tcp_flags_text(std::uint8_t flags) {
  constexpr std::array<std::pair<std::uint8_t, std::string_view>, 6> kFlags = {{{kTcpSyn, "SYN"},
                                                                                {kTcpAck, "ACK"},
                                                                                {kTcpPsh, "PSH"},
                                                                                {kTcpFin, "FIN"},
                                                                                {kTcpRst, "RST"},
                                                                                {kTcpUrg, "URG"}}};
  std::string text;
  for (const auto& [flag, name] : kFlags) {
    if ((flags & flag) == 0) continue;
    if (!text.empty()) text += ' ';
    text += name;
  }
  return text;
}

std::string_view service_name(std::uint16_t port, std::uint8_t protocol) {
  if (protocol == kProtocolUdp && port == 443) return "quic";
  return find_name(kServices, port);
}

std::string flow_protocol_text(const TrafficFlow& flow) {
  return flow.ip_version == 0 ? ether_type_name(flow.ether_type) : ip_protocol_name(flow.protocol);
}

std::string flow_end_text(const TrafficFlow& flow, bool local) {
  if (flow.ip_version == 0) return local ? "" : station_text(flow.station);
  const IpAddress& address = local ? flow.local : flow.remote;
  return has_ports(flow) ? endpoint_text(address, local ? flow.local_port : flow.remote_port)
                         : address.text();
}

std::vector<TrafficAttribute> traffic_attributes(const TrafficSnapshot& snapshot, TrafficBy by,
                                                 const TrafficGroup& group) {
  const std::size_t index = group.index;
  switch (by) {
    case TrafficBy::flow:
      return flow_attributes(snapshot, snapshot.flows[index]);
    case TrafficBy::interface:
      return interface_attributes(snapshot.interfaces[index]);
    case TrafficBy::host:
      return {text_of("host", snapshot.hosts[index].address.text())};
    case TrafficBy::station: {
      const TrafficStation& station = snapshot.stations[index];
      return {text_of("station", station_text(station.address)),
              text_of("interface", interface_name(snapshot, station.interface)),
              number_of("ip_bytes", known(station.ip.bytes()))};
    }
    case TrafficBy::port: {
      const TrafficService& service = snapshot.services[index];
      return {number_of("port", known(service.port)), text_of("protocol", ip_protocol_name(service.protocol)),
              text_of("service", std::string(service_name(service.port, service.protocol)))};
    }
    case TrafficBy::process: {
      const TrafficOwner& owner = snapshot.owners[index];
      return {text_of("process", owner.command), number_of("pid", known(owner.pid, owner.pid != 0)),
              text_of("container", owner.container), text_of("cgroup", owner.cgroup)};
    }
    case TrafficBy::container:
      return {text_of("container", snapshot.owners[index].container)};
    case TrafficBy::vlan: {
      const TrafficVlan& vlan = snapshot.vlans[index];
      return {number_of("vlan", known(vlan.id)),
              text_of("interface", interface_name(snapshot, vlan.interface))};
    }
    case TrafficBy::protocol:
      return {text_of("protocol", std::string(protocol_name(static_cast<TrafficProtocol>(index))))};
    case TrafficBy::size:
      return {text_of("size", size_range(index)), number_of("from_bytes", known(kTrafficSizeFloors[index]))};
    case TrafficBy::dscp:
      return {number_of("dscp", known(index)), text_of("class", dscp_name(index))};
    case TrafficBy::cast:
      break;
  }
  return {text_of("cast", std::string(kCastNames[index]))};
}

std::string traffic_group_name(const TrafficSnapshot& snapshot, TrafficBy by, const TrafficGroup& group) {
  const std::size_t index = group.index;
  switch (by) {
    case TrafficBy::flow: {
      const TrafficFlow& flow = snapshot.flows[index];
      const std::string local = flow_end_text(flow, true);
      return flow_protocol_text(flow) + (local.empty() ? "" : " " + local) + " " + flow_end_text(flow, false);
    }
    case TrafficBy::port: {
      const TrafficService& service = snapshot.services[index];
      const std::string_view name = service_name(service.port, service.protocol);
      return fmt::format("{}/{}{}{}", service.port, ip_protocol_name(service.protocol),
                         name.empty() ? "" : " ", name);
    }
    case TrafficBy::process: {
      const TrafficOwner& owner = snapshot.owners[index];
      return owner.pid == 0 ? owner.command : fmt::format("{} ({})", owner.command, owner.pid);
    }
    case TrafficBy::container:
      return snapshot.owners[index].container.empty() ? "(none)" : snapshot.owners[index].container;
    case TrafficBy::vlan:
      return fmt::format("VLAN {} on {}", snapshot.vlans[index].id,
                         interface_name(snapshot, snapshot.vlans[index].interface));
    case TrafficBy::dscp:
      return fmt::format("{} ({})", dscp_name(index), index);
    case TrafficBy::protocol:
    case TrafficBy::interface:
    case TrafficBy::host:
    case TrafficBy::station:
    case TrafficBy::size:
    case TrafficBy::cast:
      break;
  }
  return traffic_attributes(snapshot, by, group).front().text;
}

}  // namespace isotach::network
