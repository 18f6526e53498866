#include "view/export/ipfix.h"

#include <gtest/gtest.h>

namespace isotach::view {
namespace {

std::uint64_t number_at(const std::string& bytes, std::size_t at, int width) {
  std::uint64_t value = 0;
  for (int i = 0; i < width; ++i)
    value = value << 8 | static_cast<std::uint8_t>(bytes.at(at + static_cast<std::size_t>(i)));
  return value;
}

IpfixFlow flow(bool is_ipv6) {
  IpfixFlow one;
  one.is_ipv6 = is_ipv6;
  one.source = {192, 0, 2, 1};
  one.destination = {192, 0, 2, 9};
  one.source_port = 40000;
  one.destination_port = 443;
  one.protocol = 6;
  one.bytes = 123456789012;
  one.packets = 77;
  one.first_wall_ns = 1'795'000'000'123'000'000;
  one.last_wall_ns = 1'795'000'001'456'000'000;
  one.interface = 3;
  return one;
}

TEST(Ipfix, AMessageHasTemplatesAndARecord) {
  IpfixEncoder encoder(7);
  const auto messages = encoder.encode({flow(false)}, 1'795'000'002'000'000'000);
  ASSERT_EQ(messages.size(), 1u);
  const std::string& message = messages[0];
  EXPECT_EQ(number_at(message, 0, 2), 10u);
  EXPECT_EQ(number_at(message, 2, 2), message.size());
  EXPECT_EQ(number_at(message, 4, 4), 1'795'000'002u);
  EXPECT_EQ(number_at(message, 8, 4), 0u);
  EXPECT_EQ(number_at(message, 12, 4), 7u);
  EXPECT_EQ(number_at(message, 16, 2), 2u);
  const std::size_t data = 16 + number_at(message, 18, 2);
  EXPECT_EQ(number_at(message, data, 2), 256u);
  EXPECT_EQ(data + number_at(message, data + 2, 2), message.size());
  EXPECT_EQ(number_at(message, data + 4, 8), 1'795'000'000'123u);
  EXPECT_EQ(number_at(message, data + 12, 8), 1'795'000'001'456u);
  EXPECT_EQ(number_at(message, data + 20, 8), 123456789012u);
  EXPECT_EQ(number_at(message, data + 28, 8), 77u);
  EXPECT_EQ(number_at(message, data + 36, 4), 0xc0000201u);
  EXPECT_EQ(number_at(message, data + 44, 2), 40000u);
}

TEST(Ipfix, ManyFlowsMakeManyMessagesOfOneDatagramEach) {
  IpfixEncoder encoder(0);
  std::vector<IpfixFlow> flows;
  for (int i = 0; i < 1000; ++i) flows.push_back(flow(i % 3 == 0));
  std::uint64_t sequence = 0;
  std::size_t records = 0;
  for (int round = 0; round < 2; ++round) {
    for (const std::string& message : encoder.encode(flows, 0)) {
      ASSERT_LE(message.size(), kIpfixMessageBytes);
      ASSERT_EQ(number_at(message, 2, 2), message.size());
      ASSERT_EQ(number_at(message, 8, 4), sequence);
      for (std::size_t at = 16; at < message.size(); at += number_at(message, at + 2, 2)) {
        const std::uint64_t id = number_at(message, at, 2);
        const std::uint64_t length = number_at(message, at + 2, 2) - 4;
        if (id == 2) continue;
        const std::uint64_t each = id == 256 ? 58 : 82;
        ASSERT_EQ(length % each, 0u);
        sequence += length / each;
        records += length / each;
      }
    }
  }
  EXPECT_EQ(records, 2000u);
}

TEST(Ipfix, WithoutFlowsTheTemplatesAlone) {
  IpfixEncoder encoder(0);
  ASSERT_EQ(encoder.encode({}, 0).size(), 1u);
}

}  // namespace
}  // namespace isotach::view
