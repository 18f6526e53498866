#include "kernel/qdiscs.h"

#include <gtest/gtest.h>
#include <linux/gen_stats.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstring>
#include <string>

#include "kernel/netlink_fixture.h"

namespace isotach::kernel {
namespace {

template <class Struct>
std::string bytes_of(const Struct& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

TEST(Qdiscs, CountersAreInTheSecondStatistics) {
  tcmsg message{};
  message.tcm_ifindex = 3;
  message.tcm_handle = 0x10000;
  gnet_stats_basic basic{};
  basic.bytes = 5000;
  basic.packets = 5;
  gnet_stats_queue queue{};
  queue.drops = 7;
  queue.backlog = 300;
  queue.overlimits = 9;
  const std::string statistics =
      attribute(TCA_STATS_BASIC, bytes_of(basic)) + attribute(TCA_STATS_QUEUE, bytes_of(queue));
  const auto reading = parse_qdisc(bytes_of(message) + attribute(TCA_KIND, std::string("tbf\0", 4)) +
                                   attribute(TCA_STATS2, statistics));
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->interface, 3U);
  EXPECT_EQ(reading->kind, "tbf");
  EXPECT_EQ(reading->packets, 5U);
  EXPECT_EQ(reading->dropped, 7U);
  EXPECT_EQ(reading->over_limit, 9U);
  EXPECT_EQ(reading->queued_bytes, 300U);
  EXPECT_FALSE(parse_qdisc(bytes_of(message)));
  EXPECT_FALSE(parse_qdisc("x"));
}

TEST(Qdiscs, ThisMachineTellsThem) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  ASSERT_TRUE(socket);
  const auto all = list_qdiscs(*socket);
  ASSERT_TRUE(all) << all.error().message();
  for (const QdiscReading& one : *all) EXPECT_GT(one.interface, 0U);
}

}  // namespace
}  // namespace isotach::kernel
