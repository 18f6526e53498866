#include "kernel/netlink_attributes.h"

#include <gtest/gtest.h>

#include "kernel/netlink_fixture.h"

namespace isotach::kernel {
namespace {

TEST(NetlinkAttributes, AreReadOneAfterTheOther) {
  const std::string bytes =
      number_attribute<std::uint32_t>(7, 1400) + attribute(3, std::string_view("eth0\0", 5)) +
      number_attribute<std::uint8_t>(9, 6) + number_attribute<std::uint64_t>(10, 1ULL << 40);
  const auto attributes = netlink_attributes(bytes);
  ASSERT_EQ(attributes.size(), 4U);
  EXPECT_EQ(attributes[0].number(), 1400U);
  EXPECT_EQ(attributes[1].text(), "eth0");
  EXPECT_EQ(attributes[1].number(), std::nullopt) << "5 bytes are no number";
  EXPECT_EQ(attributes[2].number(), 6U);
  EXPECT_EQ(attributes[3].number(), 1ULL << 40);
  EXPECT_EQ(find_attribute(attributes, 9)->number(), 6U);
  EXPECT_FALSE(find_attribute(attributes, 8));
}

TEST(NetlinkAttributes, TypesLoseTheirFlags) {
  EXPECT_EQ(netlink_attributes(attribute(5 | NLA_F_NESTED, "abcd"))[0].type, 5);
}

TEST(NetlinkAttributes, WhatDoesNotFitEndsTheList) {
  const std::string good = number_attribute<std::uint32_t>(1, 1);
  EXPECT_EQ(netlink_attributes(good + "\x09").size(), 1U);
  EXPECT_EQ(netlink_attributes(good + std::string("\xff\xff\x01\x00", 4)).size(), 1U)
      << "longer than the rest";
  EXPECT_EQ(netlink_attributes(good + std::string("\x00\x00\x01\x00", 4)).size(), 1U)
      << "no length would loop";
  EXPECT_TRUE(netlink_attributes("").empty());
  std::string many;
  for (std::size_t i = 0; i < kAttributeLimit + 10; ++i) many += attribute(1, "");
  EXPECT_EQ(netlink_attributes(many).size(), kAttributeLimit);
}

}  // namespace
}  // namespace isotach::kernel
