#include "network/connections/udp_flows.h"

#include <gtest/gtest.h>

#include <utility>

#include "network/packet/capture_fixture.h"
#include "network/packet/decoder.h"

namespace isotach::network {
namespace {

Bytes udp_bytes(std::uint16_t from, std::uint16_t to, const Bytes& data) {
  Bytes bytes;
  append16(bytes, from);
  append16(bytes, to);
  append16(bytes, static_cast<std::uint32_t>(8 + data.size()));
  append16(bytes, 0);
  append(bytes, data);
  return bytes;
}

void add(UdpFlows& flows, std::int64_t time_ns, std::uint16_t from, std::uint16_t to, const Bytes& data,
         bool reverse = false) {
  Decoder decoder;
  Bytes ip = ipv4_bytes(udp_bytes(from, to, data), kProtocolUdp);
  if (reverse) std::swap(ip[15], ip[19]);
  const Packet* packet = decoder.decode(frame_of(ip, kLinkRaw));
  ASSERT_NE(packet, nullptr);
  flows.add(*packet, static_cast<std::uint32_t>(ip.size()), time_ns);
}

TEST(UdpFlows, CountsBothDirections) {
  UdpFlows flows;
  add(flows, 1'000, 40000, 53, Bytes(30, 0));
  add(flows, 5'000, 53, 40000, Bytes(200, 0), true);
  add(flows, 9'000, 40000, 53, Bytes(10, 0));
  add(flows, 9'000, 40001, 53, Bytes(1, 0));
  ASSERT_EQ(flows.all().size(), 2u);
  const UdpFlow& flow = flows.all()[0];
  EXPECT_EQ(flow.sides[0].packets, 2u);
  EXPECT_EQ(flow.sides[0].bytes, 40u);
  EXPECT_EQ(flow.sides[0].largest, 30u);
  EXPECT_EQ(flow.sides[0].longest_gap_ns, 8'000);
  EXPECT_EQ(flow.sides[1].packets, 1u);
  EXPECT_EQ(flow.sides[1].bytes, 200u);
  EXPECT_EQ(flow.elapsed_ns(), 8'000);
  EXPECT_EQ(udp_protocol_name(flow), "DNS");
  EXPECT_EQ(flows.packets(), 4u);
}

TEST(UdpFlows, KnowsQuicByItsLongHead) {
  UdpFlows flows;
  add(flows, 1'000, 40000, 443, {0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8});
  add(flows, 2'000, 40001, 443, {0xc3, 0, 0, 0, 9, 8, 1, 2, 3, 4, 5, 6, 7, 8});
  add(flows, 3'000, 40002, 443, {0xc3, 0xff, 0, 0, 29, 8, 1, 2});
  EXPECT_EQ(udp_protocol_name(flows.all()[0]), "QUIC v1");
  EXPECT_EQ(udp_protocol_name(flows.all()[1]), "UDP");
  EXPECT_EQ(udp_protocol_name(flows.all()[2]), "QUIC draft-29");
  add(flows, 4'000, 40003, 443, {0xd3, 'Q', '0', '5', '0', 8, 1, 2});
  add(flows, 5'000, 40004, 443, {0xc3, 'Q', '0', '4', '6', 0x50, 1, 2});
  add(flows, 6'000, 40005, 443, {0x0d, 1, 2, 3, 4, 5, 6, 7, 8, 'Q', '0', '4', '3', 1});
  add(flows, 7'000, 40006, 443, {0x0d, 1, 2, 3, 4, 5, 6, 7, 8, 'Q', '0', 'x', '3', 1});
  EXPECT_EQ(udp_protocol_name(flows.all()[3]), "QUIC Q050");
  EXPECT_EQ(udp_protocol_name(flows.all()[4]), "QUIC Q046");
  EXPECT_EQ(udp_protocol_name(flows.all()[5]), "QUIC Q043");
  EXPECT_EQ(udp_protocol_name(flows.all()[6]), "UDP");
  const std::uint8_t too_long_id[] = {0xc3, 0, 0, 0, 1, 21, 0};
  EXPECT_EQ(quic_version_of(too_long_id, sizeof too_long_id), 0u);
  EXPECT_EQ(quic_version_of(too_long_id, 3), 0u);
}

}  // namespace
}  // namespace isotach::network
