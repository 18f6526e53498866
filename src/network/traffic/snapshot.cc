#include "network/traffic/snapshot.h"

#include <algorithm>

namespace isotach::network {

std::string_view method_name(TrafficMethod method) {
  switch (method) {
    case TrafficMethod::bpf:
      return "bpf";
    case TrafficMethod::ring:
      return "ring";
    case TrafficMethod::counters:
      break;
  }
  return "counters";
}

std::string_view protocol_name(TrafficProtocol protocol) {
  static constexpr std::array<std::string_view, kTrafficProtocols> kNames{
      "IPv4", "IPv6", "ARP", "not IP", "TCP", "UDP", "ICMP", "ICMPv6", "other IP"};
  return kNames[static_cast<std::size_t>(protocol)];
}

std::string_view tcp_state_name(TcpState state) {
  static constexpr std::array<std::string_view, 12> kNames{
      "",          "established", "syn-sent",   "syn-received", "fin-wait-1", "fin-wait-2",
      "time-wait", "closed",      "close-wait", "last-ack",     "listen",     "closing"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string size_range(std::size_t bin) {
  const std::string floor = std::to_string(kTrafficSizeFloors[bin]);
  if (bin + 1 == kTrafficSizeFloors.size()) return floor + " and more";
  return floor + "-" + std::to_string(kTrafficSizeFloors[bin + 1] - 1);
}

TwoWay TrafficSnapshot::counted() const {
  TwoWay sum;
  for (const InterfaceTraffic& interface : interfaces) sum += interface.counted;
  return sum;
}

TwoWay TrafficSnapshot::in_flows() const {
  TwoWay sum = flows_rest.overflow;
  sum += flows_rest.ended;
  for (const TrafficFlow& flow : flows) sum += flow.traffic;
  return sum;
}

const InterfaceTraffic* TrafficSnapshot::find_interface(std::uint32_t index) const {
  const auto found =
      std::find_if(interfaces.begin(), interfaces.end(),
                   [index](const InterfaceTraffic& interface) { return interface.index == index; });
  return found == interfaces.end() ? nullptr : &*found;
}

}  // namespace isotach::network
