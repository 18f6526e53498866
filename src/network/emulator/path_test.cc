#include "network/emulator/path.h"

#include <gtest/gtest.h>

#include <cstring>

namespace isotach::emulator {
namespace {

constexpr double kMs = 1e6;

class PathTest : public ::testing::Test {
 protected:
  void make(std::size_t links, std::initializer_list<const char*> words, std::uint64_t seed = 1) {
    PathSettings settings(links);
    for (const char* each : words) ASSERT_TRUE(apply_words(settings, each)) << each;
    path_ = std::make_unique<Path>(settings, path_hosts(links, false), seed, 1500);
  }

  // A UDP datagram of that size from a to b (or to `to`), at that time.
  void send(double at_ns, std::size_t size = 1000, std::uint8_t hops = 64, std::uint8_t tos = 0,
            const HostAddress* to = nullptr) {
    Packet* packet = path_->new_packet();
    ASSERT_NE(packet, nullptr);
    std::memset(packet->bytes, 0, size);
    packet->size = size;
    packet->bytes[0] = 0x45;
    packet->bytes[1] = tos;
    packet->bytes[2] = static_cast<std::uint8_t>(size >> 8);
    packet->bytes[3] = static_cast<std::uint8_t>(size);
    packet->bytes[8] = hops;
    packet->bytes[9] = 17;
    std::memcpy(packet->bytes + 12, &path_->hosts()[0].address.v4, 4);
    std::memcpy(packet->bytes + 16, to != nullptr ? &to->v4 : &path_->hosts()[1].address.v4, 4);
    path_->enter(packet, 0, at_ns);
    path_->run_until(at_ns);
  }

  struct Delivery {
    double at_ns;
    std::size_t host, size;
    std::uint8_t protocol, first, tos;
  };
  std::vector<Delivery> deliveries(double until_ns = 1e12) {
    path_->run_until(until_ns);
    std::vector<Delivery> all;
    for (Packet* packet : path_->arrived()) {
      all.push_back({packet->due_ns, packet->host, packet->size, packet->bytes[9], packet->bytes[20],
                     packet->bytes[1]});
      path_->give_back(packet);
    }
    path_->arrived().clear();
    return all;
  }
  WayCounters counters(std::size_t link, std::size_t way = kAToB) {
    Statistics statistics;
    path_->fill(statistics);
    return statistics.links[link].ways[way];
  }

  std::unique_ptr<Path> path_;
};

TEST_F(PathTest, RateAndDelayAddUpAlongTheLinks) {
  make(3, {"1 ab rate=100mbit delay=1ms", "2 ab rate=10mbit delay=5ms", "3 ab delay=2ms"});
  send(0);
  send(0);
  const auto all = deliveries();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_DOUBLE_EQ(all[0].at_ns, 0.08 * kMs + 0.8 * kMs + 8 * kMs);
  EXPECT_DOUBLE_EQ(all[1].at_ns - all[0].at_ns, 0.8 * kMs);  // spaced by the narrow link
}

TEST_F(PathTest, AQueueTakesWhatFitsInBytesPacketsOrTime) {
  for (const char* words : {"1 ab rate=8mbit queue=5000", "1 ab rate=8mbit queue=5ms"}) {
    make(1, {words});
    for (int i = 0; i < 10; ++i) send(0);
    EXPECT_EQ(deliveries().size(), 5U) << words;
    EXPECT_EQ(counters(0).dropped_queue, 5U);
    EXPECT_EQ(counters(0).delivered, 5U);
  }
}

TEST_F(PathTest, EveryPacketIsDeliveredOrCountedAsLost) {
  make(2, {"1 ab loss=10%", "2 ab bursts=2%,30% duplicate=5% reorder=5% reorder-by=3ms"}, 7);
  for (int i = 0; i < 20'000; ++i) send(i * 0.1 * kMs);
  const std::size_t got = deliveries().size();
  const WayCounters first = counters(0);
  const WayCounters second = counters(1);
  EXPECT_EQ(first.packets, 20'000U);
  EXPECT_EQ(first.delivered + first.dropped_loss, first.packets);
  EXPECT_EQ(second.delivered + second.dropped_loss, second.packets + second.duplicated);
  EXPECT_EQ(got, second.delivered);
  EXPECT_NEAR(static_cast<double>(first.dropped_loss), 2000, 6 * 43);
  // Bad for 30 packets of 32 on average, good for 50: 2 / (2 + 30) of them.
  EXPECT_NEAR(static_cast<double>(second.dropped_loss) / static_cast<double>(second.packets), 0.0625, 0.02);
}

TEST_F(PathTest, LoseEveryIsExact) {
  make(1, {"1 ab lose-every=10"});
  for (int i = 0; i < 1000; ++i) send(i * kMs);
  EXPECT_EQ(deliveries().size(), 900U);
  make(1, {"1 ab lose-every=10 chance=tcp"});
  for (int i = 0; i < 1000; ++i) send(i * kMs);
  EXPECT_EQ(deliveries().size(), 1000U);  // they are UDP
}

TEST_F(PathTest, ALatePacketIsOvertakenAndOnlyThen) {
  make(1, {"1 ab jitter=5ms"});
  for (int i = 0; i < 100; ++i) send(i * 0.01 * kMs, static_cast<std::size_t>(100 + i));
  std::size_t last = 0;
  for (const Delivery& each : deliveries()) {
    EXPECT_GT(each.size, last);
    last = each.size;
  }
}

TEST_F(PathTest, CrossTrafficTakesItsShareWithoutPackets) {
  for (const char* words : {"1 ab rate=100mbit cross=cbr cross-rate=40mbit",
                            "1 ab rate=100mbit cross=poisson cross-rate=40mbit cross-size=mixed",
                            "1 ab rate=100mbit cross=pareto cross-rate=40mbit cross-burst=1ms"}) {
    make(1, {words});
    path_->catch_up(100e9);
    const WayCounters counted = counters(0);
    EXPECT_NEAR(static_cast<double>(counted.cross_bytes) * 8 / 100, 40e6, 2.5e6) << words;
    EXPECT_NEAR(counted.busy_ns / 100e9, 0.4, 0.025) << words;
  }
}

TEST_F(PathTest, ARouterSaysWhenHopsAreUsedUpAndAnswersEcho) {
  make(3, {"all both delay=1ms"});
  send(0, 100, 2);
  auto all = deliveries();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].host, 0U);
  EXPECT_EQ(all[0].protocol, IPPROTO_ICMP);
  EXPECT_EQ(all[0].first, 11);
  EXPECT_DOUBLE_EQ(all[0].at_ns, 4 * kMs);
  const HostAddress router = router_address(1);
  send(1e9, 100, 64, 0, &router);
  all = deliveries();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].first, 3);  // port unreachable: it was UDP
}

TEST_F(PathTest, WhatIsTooBigIsSaidOrVanishes) {
  make(2, {"2 ab mtu=900"});
  send(0);
  auto all = deliveries();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].first, 3);
  EXPECT_EQ(counters(1).dropped_too_big, 1U);
  make(2, {"2 ab mtu=900 blackhole=on"});
  send(0);
  EXPECT_TRUE(deliveries().empty());
}

TEST_F(PathTest, MarksAndBleaches) {
  make(1, {"1 ab rate=8mbit mark=2500us"});
  for (int i = 0; i < 5; ++i) send(0, 1000, 64, 0xba);
  std::size_t marked = 0;
  for (const Delivery& each : deliveries()) marked += (each.tos & 3) == 3 ? 1 : 0;
  EXPECT_EQ(marked, 2U);
  make(1, {"1 ab bleach=dscp"});
  send(0, 1000, 64, 0xba);
  EXPECT_EQ(deliveries().at(0).tos, 2);
}

TEST_F(PathTest, APolicerPassesABurstThenItsRate) {
  make(1, {"1 ab police=8mbit police-burst=10k"});
  for (int i = 0; i < 20; ++i) send(0);
  EXPECT_EQ(deliveries().size(), 10U);
  for (int i = 0; i < 20; ++i) send(10 * kMs + i);
  EXPECT_EQ(deliveries().size(), 10U);
  EXPECT_EQ(counters(0).dropped_police, 20U);
}

TEST_F(PathTest, TheSameSeedGivesTheSamePath) {
  std::vector<double> first;
  for (int round = 0; round < 2; ++round) {
    make(2, {"1 ab jitter=3ms loss=5% rate=50mbit cross=poisson cross-rate=20mbit"}, 42);
    std::vector<double> times;
    for (int i = 0; i < 200; ++i) send(i * kMs);
    for (const Delivery& each : deliveries()) times.push_back(each.at_ns);
    if (round == 0) first = times;
    EXPECT_EQ(times, first);
  }
}

}  // namespace
}  // namespace isotach::emulator
