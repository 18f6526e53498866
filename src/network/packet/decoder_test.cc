#include "network/packet/decoder.h"

#include <gtest/gtest.h>

#include "network/packet/capture_fixture.h"

namespace isotach::network {
namespace {

const Bytes kTcp = tcp_bytes({.data = 10});

// What the decoder makes of a frame; its ports, so that it is known to be the right one.
void expect_tcp(const Bytes& bytes, std::uint32_t link_type = kLinkEthernet) {
  Decoder decoder;
  const Frame frame = frame_of(bytes, link_type);
  const Packet* packet = decoder.decode(frame);
  ASSERT_NE(packet, nullptr);
  EXPECT_EQ(packet->protocol, kProtocolTcp);
  TcpHeader header;
  ASSERT_TRUE(read_tcp_header(*packet, header));
  EXPECT_EQ(header.source_port, 40000);
  EXPECT_EQ(header.destination_port, 80);
  EXPECT_EQ(packet->transport_length, 30u);
}

Bytes with_head(Bytes head, const Bytes& rest) {
  append(head, rest);
  return head;
}

TEST(Decoder, TakesEveryLinkLayerOff) {
  const Bytes ip = ipv4_bytes(kTcp);
  expect_tcp(ethernet_bytes(ip));
  expect_tcp(ethernet_bytes(ipv6_bytes(kTcp), {0x86dd}));
  expect_tcp(ethernet_bytes(ip, {0x8100, 0x0800}));
  expect_tcp(ethernet_bytes(ip, {0x88a8, 0x8100, 0x0800}));
  expect_tcp(ethernet_bytes(with_head({0x11, 0, 0, 1, 0, 72, 0, 0x21}, ip), {0x8864}));
  expect_tcp(ethernet_bytes(with_head({0, 1, 0, 64, 0, 2, 1, 64}, ip), {0x8847}));
  expect_tcp(ethernet_bytes(with_head({0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, ip), {0x0040}));
  expect_tcp(ip, kLinkRaw);
  expect_tcp(ip, kLinkIpv4);
  expect_tcp(with_head({2, 0, 0, 0}, ip), kLinkNull);
  expect_tcp(with_head({0, 0, 0, 24}, ipv6_bytes(kTcp)), kLinkLoop);
  expect_tcp(with_head({0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0}, ip), kLinkSll);
  expect_tcp(with_head({8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0}, ip), kLinkSll2);
  expect_tcp(with_head({0xff, 3, 0, 0x21}, ip), kLinkPpp);
  expect_tcp(with_head({0x21}, ip), kLinkPpp);
  expect_tcp(with_head({0x0f, 0, 8, 0}, ip), kLinkCiscoHdlc);
  Bytes wireless = {0x88, 1, 0, 0};  // data with quality of service, to the access point
  wireless.resize(26);
  append(wireless, with_head({0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, ip));
  expect_tcp(wireless, kLink80211);
  expect_tcp(with_head({0, 0, 8, 0, 0, 0, 0, 0}, wireless), kLinkRadiotap);
}

TEST(Decoder, TakesTunnelsOff) {
  const Bytes ip = ipv4_bytes(kTcp);
  expect_tcp(ethernet_bytes(ipv4_bytes(ipv6_bytes(kTcp), 41)));
  expect_tcp(ethernet_bytes(ipv6_bytes(ip, 4), {0x86dd}));
  expect_tcp(ethernet_bytes(ipv4_bytes(with_head({0, 0, 8, 0}, ip), 47)));
  expect_tcp(ethernet_bytes(ipv4_bytes(with_head({0x30, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0, 2}, ip), 47)));
  const auto udp = [](std::uint16_t port, const Bytes& payload) {
    Bytes bytes;
    append16(bytes, 5000);
    append16(bytes, port);
    append16(bytes, static_cast<std::uint32_t>(8 + payload.size()));
    append16(bytes, 0);
    append(bytes, payload);
    return bytes;
  };
  const auto over = [&](std::uint16_t port, const Bytes& payload) {
    return ethernet_bytes(ipv4_bytes(udp(port, payload), kProtocolUdp));
  };
  expect_tcp(over(4789, with_head({8, 0, 0, 0, 0, 0, 1, 0}, ethernet_bytes(ip))));
  expect_tcp(over(6081, with_head({0, 0, 0x65, 0x58, 0, 0, 1, 0}, ethernet_bytes(ip))));
  expect_tcp(over(2152, with_head({0x30, 0xff, 0, 50, 0, 0, 0, 1}, ip)));
}

TEST(Decoder, PassesExtensionHeadsAndAtomicFragments) {
  Bytes body = {43, 0, 1, 4, 0, 0, 0, 0};   // hop by hop, then routing
  append(body, {60, 0, 4, 0, 0, 0, 0, 0});  // routing, then destination options
  append(body, {44, 0, 1, 4, 0, 0, 0, 0});  // destination options, then fragment
  append(body, {kProtocolTcp, 0, 0, 0, 0, 0, 0, 9});
  append(body, kTcp);
  expect_tcp(ethernet_bytes(ipv6_bytes(body, 0), {0x86dd}));
}

TEST(Decoder, PutsFragmentsTogetherInAnyOrder) {
  const Bytes whole = tcp_bytes({.data = 100});
  const Bytes first =
      ethernet_bytes(ipv4_bytes(Bytes(whole.begin(), whole.begin() + 64), kProtocolTcp, 9, 0x2000));
  const Bytes last = ethernet_bytes(ipv4_bytes(Bytes(whole.begin() + 64, whole.end()), kProtocolTcp, 9, 8));
  Decoder decoder;
  EXPECT_EQ(decoder.decode(frame_of(last)), nullptr);
  EXPECT_EQ(decoder.decode(frame_of(last)), nullptr);
  const Packet* packet = decoder.decode(frame_of(first));
  ASSERT_NE(packet, nullptr);
  EXPECT_TRUE(packet->was_reassembled);
  EXPECT_EQ(packet->transport_length, 120u);
  EXPECT_EQ(decoder.counts().fragments, 2u);
}

TEST(Decoder, KeepsABoundedNumberOfFragments) {
  Decoder decoder;
  const Bytes part(64, 1);
  for (std::uint32_t id = 1; id < 3000; ++id)
    EXPECT_EQ(decoder.decode(frame_of(
                  ethernet_bytes(ipv4_bytes(part, kProtocolTcp, static_cast<std::uint16_t>(id), 0x2000)))),
              nullptr);
  EXPECT_EQ(decoder.counts().fragments, 2999u);
}

TEST(Decoder, TakesTheLengthFromTheFrameWhereOffloadLeftItOut) {
  Bytes ip = ipv4_bytes(tcp_bytes({.data = 3000}));
  ip[2] = ip[3] = 0;
  const Bytes bytes = ethernet_bytes(ip);
  Decoder decoder;
  const Packet* packet = decoder.decode(frame_of(bytes));
  ASSERT_NE(packet, nullptr);
  EXPECT_EQ(packet->transport_length, 3020u);
}

TEST(Decoder, TellsTheDatagramsThatCarriedAPacket) {
  Bytes vxlan;
  append16(vxlan, 50000);
  append16(vxlan, 4789);
  append16(vxlan, 0);
  append16(vxlan, 0);
  append(vxlan, {0x08, 0, 0, 0, 0, 0, 7, 0});
  append(vxlan, ethernet_bytes(ipv4_bytes(Bytes(8, 0), kProtocolIcmp, 2)));
  const Bytes bytes = ethernet_bytes(ipv4_bytes(vxlan, kProtocolUdp));
  Decoder decoder;
  const Packet* packet = decoder.decode(frame_of(bytes));
  ASSERT_NE(packet, nullptr);
  EXPECT_EQ(packet->protocol, kProtocolIcmp);
  ASSERT_EQ(decoder.carriers().size(), 1u);
  const Packet& carrier = decoder.carriers()[0];
  EXPECT_EQ(carrier.protocol, kProtocolUdp);
  EXPECT_EQ(carrier.transport_length, vxlan.size());
  EXPECT_EQ(big16(carrier.transport + 2), 4789);
  EXPECT_EQ(carrier.ip_length(), 20 + vxlan.size());
  const Bytes plain = ethernet_bytes(ipv4_bytes(tcp_bytes({})));
  ASSERT_NE(decoder.decode(frame_of(plain)), nullptr);
  EXPECT_TRUE(decoder.carriers().empty());
}

TEST(Decoder, LeavesPaddingOut) {
  Bytes bytes = ethernet_bytes(ipv4_bytes(tcp_bytes({})));
  bytes.resize(60);
  Decoder decoder;
  const Packet* packet = decoder.decode(frame_of(bytes));
  ASSERT_NE(packet, nullptr);
  EXPECT_EQ(packet->transport_length, 20u);
  EXPECT_EQ(packet->transport_captured, 20u);
}

TEST(Decoder, SaysWhatWasCutOff) {
  const Bytes bytes = ethernet_bytes(ipv4_bytes(tcp_bytes({.data = 1000})));
  Frame frame = frame_of(bytes);
  frame.captured = 68;
  Decoder decoder;
  const Packet* packet = decoder.decode(frame);
  ASSERT_NE(packet, nullptr);
  EXPECT_EQ(packet->transport_length, 1020u);
  EXPECT_EQ(packet->transport_captured, 34u);
}

TEST(Decoder, EverySnapLengthIsSafe) {
  const Bytes inner = ethernet_bytes(ipv4_bytes(kTcp));
  for (const Bytes& bytes :
       {ethernet_bytes(ipv6_bytes(ipv4_bytes(kTcp), 4), {0x8100, 0x86dd}),
        ethernet_bytes(ipv4_bytes(with_head({0x30, 0, 0x65, 0x58, 0, 0, 0, 1, 0, 0, 0, 2}, inner), 47))}) {
    for (std::uint32_t captured = 0; captured <= bytes.size(); ++captured) {
      // In memory of its own, so that the sanitizer sees a step too far.
      const Bytes cut(bytes.begin(), bytes.begin() + captured);
      Frame frame = frame_of(cut);
      frame.wire_length = static_cast<std::uint32_t>(bytes.size());
      Decoder decoder;
      static_cast<void>(decoder.decode(frame));
    }
  }
}

TEST(Decoder, CountsWhatItLeavesOut) {
  Decoder decoder;
  EXPECT_EQ(decoder.decode(frame_of(ethernet_bytes(Bytes(28, 0), {0x0806}))), nullptr);
  EXPECT_EQ(decoder.decode(frame_of(ethernet_bytes(Bytes(20, 0x41)))), nullptr);
  EXPECT_EQ(decoder.decode(frame_of(Bytes(20, 0), 9999)), nullptr);
  EXPECT_EQ(decoder.counts().not_ip, 1u);
  EXPECT_EQ(decoder.counts().malformed, 1u);
  EXPECT_EQ(decoder.counts().unknown_link, 1u);
}

TEST(TcpOptions, AreReadAsFarAsTheyGo) {
  const TestSegment segment{.flags = kTcpSyn,
                            .options = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9, 1, 3, 3, 7}};
  const Bytes bytes = tcp_bytes(segment);
  Packet packet;
  packet.transport = bytes.data();
  packet.transport_captured = static_cast<std::uint32_t>(bytes.size());
  TcpHeader header;
  ASSERT_TRUE(read_tcp_header(packet, header));
  TcpOptions options;
  read_tcp_options(packet, header, options);
  EXPECT_EQ(options.mss, 1460);
  EXPECT_TRUE(options.sack_permitted);
  EXPECT_EQ(options.timestamp, 7u);
  EXPECT_EQ(options.echoed_timestamp, 9u);
  EXPECT_EQ(options.window_scale, 7);
  for (std::uint32_t captured = 20; captured < bytes.size(); ++captured) {
    const Bytes cut(bytes.begin(), bytes.begin() + captured);
    packet.transport = cut.data();
    packet.transport_captured = captured;
    TcpOptions less;
    read_tcp_options(packet, header, less);
    EXPECT_FALSE(less.has_window_scale);
  }
}

}  // namespace
}  // namespace isotach::network
