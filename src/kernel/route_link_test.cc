#include "kernel/route_link.h"

#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "kernel/netlink_fixture.h"

namespace isotach::kernel {
namespace {

std::string answer(unsigned flags, const std::string& attributes) {
  ifinfomsg head{};
  head.ifi_index = 7;
  head.ifi_flags = flags;
  return std::string(reinterpret_cast<const char*>(&head), sizeof head) + attributes;
}

TEST(RouteLink, TakesWhatTheKernelTells) {
  std::array<std::uint64_t, 25> counters{};
  for (std::size_t i = 0; i < counters.size(); ++i) counters[i] = 100 + i;
  const auto link = parse_route_link(answer(
      IFF_UP | IFF_LOWER_UP,
      attribute(IFLA_IFNAME, std::string_view("eth0\0", 5)) +
          number_attribute<std::uint32_t>(IFLA_MTU, 9000) +
          number_attribute<std::uint8_t>(IFLA_OPERSTATE, 6) +
          number_attribute<std::uint32_t>(IFLA_MASTER, 2) + number_attribute<std::uint32_t>(IFLA_LINK, 5) +
          number_attribute<std::uint32_t>(IFLA_LINK_NETNSID, 0) +
          attribute(IFLA_ADDRESS, std::string_view("\x02\xfc\x00\x00\x00\x0f", 6)) +
          attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, std::string_view("veth\0", 5)) +
                                       attribute(IFLA_INFO_SLAVE_KIND, std::string_view("bridge\0", 7))) +
          attribute(IFLA_STATS64, {reinterpret_cast<const char*>(counters.data()), sizeof counters})));
  ASSERT_TRUE(link);
  EXPECT_EQ(link->index, 7U);
  EXPECT_EQ(link->name, "eth0");
  EXPECT_TRUE(link->enabled && link->running);
  EXPECT_FALSE(link->loopback);
  EXPECT_EQ(link->state, "up");
  EXPECT_EQ(link->address, "02:fc:00:00:00:0f");
  EXPECT_EQ(link->mtu, 9000U);
  EXPECT_EQ(link->master, 2U);
  EXPECT_EQ(link->lower, 5U);
  EXPECT_EQ(link->lower_namespace, 0) << "number 0 is another namespace, not this one";
  EXPECT_EQ(link->kind, "veth");
  EXPECT_EQ(link->member_kind, "bridge");
  ASSERT_TRUE(link->counters_told);
  EXPECT_EQ((*link)[LinkCounter::rx_packets], 100U);
  EXPECT_EQ((*link)[LinkCounter::rx_crc_errors], 112U);
  EXPECT_EQ((*link)[LinkCounter::rx_nohandler], 123U);
  EXPECT_EQ(link_counter_name(LinkCounter::rx_crc_errors), "rx_crc_errors");
}

TEST(RouteLink, OldKernelsHaveFewerCounters) {
  const std::array<std::uint64_t, 12> counters{1, 2, 3};
  const auto link = parse_route_link(answer(
      0, attribute(IFLA_IFNAME, "a") +
             attribute(IFLA_STATS64, {reinterpret_cast<const char*>(counters.data()), sizeof counters})));
  ASSERT_TRUE(link);
  EXPECT_TRUE(link->counters_told);
  EXPECT_EQ((*link)[LinkCounter::rx_bytes], 3U);
  EXPECT_EQ((*link)[LinkCounter::rx_nohandler], 0U);
}

TEST(RouteLink, BytesThatDescribeNoInterface) {
  EXPECT_FALSE(parse_route_link(""));
  EXPECT_FALSE(parse_route_link(std::string(15, '\0')));
  EXPECT_FALSE(parse_route_link(answer(0, ""))) << "no name";
  const auto bare = parse_route_link(answer(0, attribute(IFLA_IFNAME, "a")));
  ASSERT_TRUE(bare);
  EXPECT_FALSE(bare->counters_told);
}

TEST(RouteSocket, FindsTheLoopbackOfThisMachine) {
  auto socket = RouteSocket::open();
  ASSERT_TRUE(socket);
  const auto links = socket->links();
  ASSERT_TRUE(links);
  ASSERT_FALSE(links->empty());
  EXPECT_EQ(links->front().name, "lo");
  EXPECT_TRUE(links->front().loopback);
  const auto one = socket->link("lo");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->index, links->front().index);
  EXPECT_EQ(socket->link(one->index)->name, "lo");
  const auto none = socket->link("no-such-link");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().errno_value, ENODEV);
}

}  // namespace
}  // namespace isotach::kernel
