#include "view/export/ipfix.h"

#include <span>

namespace isotach::view {
namespace {

constexpr std::uint16_t kVersion = 10;
constexpr std::uint16_t kTemplateSet = 2;
constexpr std::uint16_t kIpv4Template = 256;
constexpr std::uint16_t kIpv6Template = 257;
constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kSetHeaderBytes = 4;

// Information elements by their numbers in https://www.iana.org/assignments/ipfix.
struct Element {
  std::uint16_t number;
  std::uint16_t bytes;
};
constexpr Element kFlowStartMilliseconds{152, 8}, kFlowEndMilliseconds{153, 8}, kOctetDeltaCount{1, 8},
    kPacketDeltaCount{2, 8}, kSourceTransportPort{7, 2}, kDestinationTransportPort{11, 2},
    kProtocolIdentifier{4, 1}, kIpClassOfService{5, 1}, kTcpControlBits{6, 1}, kVlanId{58, 2},
    kIngressInterface{10, 4}, kEgressInterface{14, 4}, kFlowDirection{61, 1};
constexpr Element kIpv4Elements[] = {kFlowStartMilliseconds,
                                     kFlowEndMilliseconds,
                                     kOctetDeltaCount,
                                     kPacketDeltaCount,
                                     {8, 4},   // sourceIPv4Address
                                     {12, 4},  // destinationIPv4Address
                                     kSourceTransportPort,
                                     kDestinationTransportPort,
                                     kProtocolIdentifier,
                                     kIpClassOfService,
                                     kTcpControlBits,
                                     kVlanId,
                                     kIngressInterface,
                                     kEgressInterface,
                                     kFlowDirection};
constexpr Element kIpv6Elements[] = {kFlowStartMilliseconds,
                                     kFlowEndMilliseconds,
                                     kOctetDeltaCount,
                                     kPacketDeltaCount,
                                     {27, 16},  // sourceIPv6Address
                                     {28, 16},  // destinationIPv6Address
                                     kSourceTransportPort,
                                     kDestinationTransportPort,
                                     kProtocolIdentifier,
                                     kIpClassOfService,
                                     kTcpControlBits,
                                     kVlanId,
                                     kIngressInterface,
                                     kEgressInterface,
                                     kFlowDirection};

constexpr std::size_t record_bytes(std::span<const Element> elements) {
  std::size_t bytes = 0;
  for (const Element& element : elements) bytes += element.bytes;
  return bytes;
}

void put(std::string& bytes, std::uint64_t value, int width) {
  for (int i = width - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
}

void put_at(std::string& bytes, std::size_t at, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i)
    bytes[at + static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * (width - 1 - i)) & 0xff);
}

void put_template(std::string& message, std::uint16_t id, std::span<const Element> elements) {
  put(message, id, 2);
  put(message, elements.size(), 2);
  for (const Element& element : elements) {
    put(message, element.number, 2);
    put(message, element.bytes, 2);
  }
}

std::string begin_message() {
  std::string message;
  put(message, kVersion, 2);
  message.append(kHeaderBytes - 2, '\0');  // filled in by end_message()
  return message;
}

void put_templates(std::string& message) {
  const std::size_t set = message.size();
  put(message, kTemplateSet, 2);
  put(message, 0, 2);
  put_template(message, kIpv4Template, kIpv4Elements);
  put_template(message, kIpv6Template, kIpv6Elements);
  put_at(message, set + 2, message.size() - set, 2);
}

void put_address(std::string& message, const std::array<std::uint8_t, 16>& address, bool is_ipv6) {
  message.append(reinterpret_cast<const char*>(address.data()), is_ipv6 ? 16 : 4);
}

void put_record(std::string& message, const IpfixFlow& flow) {
  constexpr std::int64_t kMillisecondNs = 1'000'000;
  put(message, static_cast<std::uint64_t>(flow.first_wall_ns / kMillisecondNs), 8);
  put(message, static_cast<std::uint64_t>(flow.last_wall_ns / kMillisecondNs), 8);
  put(message, flow.bytes, 8);
  put(message, flow.packets, 8);
  put_address(message, flow.source, flow.is_ipv6);
  put_address(message, flow.destination, flow.is_ipv6);
  put(message, flow.source_port, 2);
  put(message, flow.destination_port, 2);
  put(message, flow.protocol, 1);
  put(message, flow.traffic_class, 1);
  put(message, flow.tcp_flags, 1);
  put(message, flow.vlan, 2);
  put(message, flow.outgoing ? 0 : flow.interface, 4);
  put(message, flow.outgoing ? flow.interface : 0, 4);
  put(message, flow.outgoing ? 1 : 0, 1);
}

}  // namespace

std::vector<std::string> IpfixEncoder::encode(const std::vector<IpfixFlow>& flows, std::int64_t wall_ns) {
  std::vector<std::string> messages;
  std::string message = begin_message();
  put_templates(message);
  std::uint32_t records = 0;
  std::size_t set = 0;  // where the open data set begins; 0: none
  std::uint16_t set_template = 0;
  const auto end_set = [&] {
    if (set != 0) put_at(message, set + 2, message.size() - set, 2);
    set = 0;
  };
  const auto end_message = [&] {
    end_set();
    put_at(message, 2, message.size(), 2);
    put_at(message, 4, static_cast<std::uint64_t>(wall_ns / 1'000'000'000), 4);
    put_at(message, 8, sequence_, 4);
    put_at(message, 12, domain_, 4);
    sequence_ += records;
    records = 0;
    messages.push_back(std::move(message));
    message = begin_message();
  };
  for (const IpfixFlow& flow : flows) {
    const std::uint16_t id = flow.is_ipv6 ? kIpv6Template : kIpv4Template;
    const std::size_t bytes = flow.is_ipv6 ? record_bytes(kIpv6Elements) : record_bytes(kIpv4Elements);
    if (set != 0 && set_template != id) end_set();
    if (message.size() + kSetHeaderBytes + bytes > kIpfixMessageBytes) end_message();
    if (set == 0) {
      set = message.size();
      set_template = id;
      put(message, id, 2);
      put(message, 0, 2);
    }
    put_record(message, flow);
    ++records;
  }
  if (message.size() > kHeaderBytes) end_message();
  return messages;
}

}  // namespace isotach::view
