#include "network/traffic/rates.h"

#include <gtest/gtest.h>

namespace isotach::network {
namespace {

TwoWay in_only(std::uint64_t packets, std::uint64_t bytes) {
  return {{packets, bytes}, {}};
}

TrafficFlow flow(std::uint64_t id, std::uint64_t bytes) {
  TrafficFlow row;
  row.id = id;
  row.traffic = in_only(bytes / 100, bytes);
  return row;
}

TrafficSnapshot at_second(std::int64_t second) {
  TrafficSnapshot snapshot;
  snapshot.method = TrafficMethod::bpf;
  snapshot.time.monotonic_ns = second * kNanosecondsPerSecond;
  return snapshot;
}

TEST(TrafficRates, NothingWhenNoTimeHasPassed) {
  EXPECT_FALSE(rates(at_second(1), at_second(1)));
  EXPECT_FALSE(rates(at_second(2), at_second(1)));
}

TEST(TrafficRates, FlowsAreFoundByTheirIds) {
  TrafficSnapshot before = at_second(10);
  before.flows = {flow(1, 1000), flow(2, 2000), flow(4, 4000)};
  TrafficSnapshot now = at_second(12);
  now.flows = {flow(2, 3000), flow(4, 4000), flow(5, 500)};
  const auto found = rates(before, now);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->seconds, 2);
  ASSERT_EQ(found->flows.size(), 3U);
  EXPECT_EQ(found->flows[0].in.bytes_s, 500);
  EXPECT_EQ(found->flows[1].in.bytes_s, 0);
  EXPECT_EQ(found->flows[2].in.bytes_s, 250) << "what is new started from 0";
}

TEST(TrafficRates, LoopbackIsNotInTheTotal) {
  TrafficSnapshot before = at_second(0);
  TrafficSnapshot now = at_second(1);
  InterfaceTraffic lo;
  lo.index = 1;
  lo.loopback = true;
  lo.counted = in_only(10, 1000);
  InterfaceTraffic nic;
  nic.index = 2;
  nic.counted = in_only(5, 500);
  nic.speed_bits_s = 8000;
  now.interfaces = {lo, nic};
  const auto found = rates(before, now);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->total.in.bytes_s, 500);
  EXPECT_EQ(found->interfaces[0].counted.in.packets_s, 10);
  ASSERT_TRUE(found->interfaces[1].share_in);
  EXPECT_EQ(*found->interfaces[1].share_in, 0.5);
  EXPECT_FALSE(found->interfaces[0].share_in);
}

TEST(TrafficRates, RowsThatMovedAreStillTheSame) {
  TrafficSnapshot before = at_second(0);
  TrafficSnapshot now = at_second(1);
  const auto host = [](std::uint8_t last, std::uint64_t bytes) {
    TrafficHost row;
    row.address.bytes = {10, 0, 0, last};
    row.traffic = in_only(1, bytes);
    return row;
  };
  before.hosts = {host(1, 100), host(2, 200), host(3, 300)};
  now.hosts = {host(3, 310), host(1, 120)};
  const auto found = rates(before, now);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->hosts[0].in.bytes_s, 10);
  EXPECT_EQ(found->hosts[1].in.bytes_s, 20);
}

TEST(TrafficTop, LargestFirstAndTiesByTotals) {
  const std::vector<TrafficFlow> flows{flow(1, 100), flow(2, 900), flow(3, 500), flow(4, 500)};
  std::vector<TwoWayRate> flow_rates(4);
  flow_rates[0].in.bytes_s = 50;
  EXPECT_EQ(top(flows, flow_rates, TrafficSort::bytes_rate, 3), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(top(flows, flow_rates, TrafficSort::bytes, 2), (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(top(flows, {}, TrafficSort::packets, 9), (std::vector<std::size_t>{1, 2, 3, 0}));
}

TEST(TrafficTop, SortsHaveNames) {
  for (const TrafficSort sort : {TrafficSort::bytes_rate, TrafficSort::packets_rate, TrafficSort::in_rate,
                                 TrafficSort::out_rate, TrafficSort::bytes, TrafficSort::packets})
    EXPECT_EQ(traffic_sort(traffic_sort_name(sort)), sort);
  EXPECT_FALSE(traffic_sort("colour"));
}

TEST(TrafficHistory, PeaksAndAverages) {
  TrafficHistory history;
  TrafficSnapshot before = at_second(0);
  InterfaceTraffic nic;
  nic.index = 7;
  before.interfaces = {nic};
  TrafficSnapshot now = at_second(1);
  nic.counted = in_only(10, 1000);
  now.interfaces = {nic};
  history.add(now, *rates(before, now));
  TrafficSnapshot later = at_second(5);
  nic.counted = in_only(20, 2000);
  later.interfaces = {nic};
  history.add(later, *rates(now, later));
  EXPECT_EQ(history.peak(7).in.bytes_s, 1000);
  EXPECT_EQ(history.average(7).rate.in.bytes_s, 400);
  EXPECT_EQ(history.average(7).seconds, 5);
  EXPECT_EQ(history.peak(0).both.packets_s, 10);
  EXPECT_EQ(history.average(9).seconds, 0);
}

TEST(TrafficSnapshot, SizesAreNamed) {
  EXPECT_EQ(size_range(0), "0-63");
  EXPECT_EQ(size_range(5), "1024-1518");
  EXPECT_EQ(size_range(8), "9216 and more");
}

}  // namespace
}  // namespace isotach::network
