#include "network/traffic/interface_watch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/fd.h"

namespace isotach::network {
namespace {

kernel::RouteLink link(std::uint64_t rx, std::uint64_t tx, const char* kind = "veth") {
  kernel::RouteLink result;
  result.index = 3;
  result.kind = kind;
  result.counters[static_cast<std::size_t>(kernel::LinkCounter::rx_packets)] = rx;
  result.counters[static_cast<std::size_t>(kernel::LinkCounter::tx_packets)] = tx;
  return result;
}

TEST(InterfaceWatch, WhatPassedWhileItWasReadIsNoDifference) {
  const WatchedInterface watched{link(100, 0), link(103, 0)};
  InterfaceTraffic row;
  // The kernel counted between 97 (107+93 - 103) and 107 since counting began.
  row.as_carried.in.packets = row.counted.in.packets = 97;
  watched.compare(link(200, 0), link(207, 0), row);
  EXPECT_EQ(row.not_accounted_in, 0);
  row.as_carried.in.packets = row.counted.in.packets = 107;
  watched.compare(link(200, 0), link(207, 0), row);
  EXPECT_EQ(row.not_accounted_in, 0);
  row.as_carried.in.packets = row.counted.in.packets = 90;
  watched.compare(link(200, 0), link(207, 0), row);
  EXPECT_EQ(row.not_accounted_in, 7);
  row.as_carried.in.packets = row.counted.in.packets = 110;
  watched.compare(link(200, 0), link(207, 0), row);
  EXPECT_EQ(row.not_accounted_in, -3);
}

TEST(InterfaceWatch, SegmentsMayBeCountedByADeviceOrNot) {
  const WatchedInterface veth{link(0, 0), link(0, 0)};
  InterfaceTraffic row;
  row.as_carried = {{10, 0}, {10, 0}};
  row.counted = {{300, 0}, {300, 0}};
  veth.compare(link(10, 300), link(10, 300), row);
  EXPECT_EQ(row.not_accounted_in, 0);
  EXPECT_EQ(row.not_accounted_out, 0);
  veth.compare(link(300, 10), link(300, 10), row);
  EXPECT_EQ(row.not_accounted_in, 290) << "a veth receives as it is carried";
  EXPECT_EQ(row.not_accounted_out, 0);
  const WatchedInterface card{link(0, 0, ""), link(0, 0, "")};
  card.compare(link(300, 10, ""), link(300, 10, ""), row);
  EXPECT_EQ(row.not_accounted_in, 0) << "a card counts what the wire had";
}

TEST(InterfaceWatch, OnlyCardsHaveASpeed) {
  const std::string folder = testing::TempDir() + "isotach_speed";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder + "/proc");
  std::filesystem::create_directories(folder + "/sys/class/net/nic");
  const kernel::SystemRoot root(folder);
  kernel::RouteLink card = link(0, 0, "");
  card.name = "nic";
  EXPECT_FALSE(speed_of(root, card));
  ASSERT_TRUE(replace_file(folder + "/sys/class/net/nic/speed", "-1\n"));
  EXPECT_FALSE(speed_of(root, card));
  ASSERT_TRUE(replace_file(folder + "/sys/class/net/nic/speed", "2500\n"));
  EXPECT_EQ(speed_of(root, card), 2'500'000'000U);
  card.kind = "veth";
  EXPECT_FALSE(speed_of(root, card));
}

TEST(InterfaceWatch, HeadsOfFrames) {
  EXPECT_EQ(link_head_of(1), 14U);
  EXPECT_EQ(link_head_of(772), 14U);
  EXPECT_EQ(link_head_of(65534), 0U);
  EXPECT_FALSE(link_head_of(803)) << "a wireless card that listens to everything";
}

}  // namespace
}  // namespace isotach::network
