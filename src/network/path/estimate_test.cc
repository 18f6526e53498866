#include "network/path/estimate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "network/emulator/path.h"
#include "network/path/advice.h"
#include "network/path/hops.h"

namespace isotach::path {
namespace {

constexpr std::size_t kBytes = 1500;

// Streams over the emulator's model of a path, without any network.
class ModelPath {
 public:
  explicit ModelPath(std::initializer_list<const char*> words) {
    emulator::PathSettings settings(3);
    for (const char* each : words) EXPECT_TRUE(emulator::apply_words(settings, each)) << each;
    path_ = std::make_unique<emulator::Path>(settings, emulator::path_hosts(3, false), 5, kBytes);
  }

  StreamRecord stream(std::uint32_t count, double gap_ns) {
    StreamRecord record;
    record.wire_bytes = kBytes;
    record.gap_ns = gap_ns;
    for (std::uint32_t i = 0; i < count; ++i) {
      const double at_ns = now_ns_ + i * gap_ns;
      record.sent_ns.push_back(static_cast<std::int64_t>(at_ns));
      emulator::Packet* packet = path_->new_packet();
      std::fill_n(packet->bytes, kBytes, std::uint8_t{0});
      packet->size = kBytes;
      packet->bytes[0] = 0x45;
      packet->bytes[2] = kBytes >> 8;
      packet->bytes[3] = kBytes & 255;
      packet->bytes[4] = static_cast<std::uint8_t>(i >> 8);
      packet->bytes[5] = static_cast<std::uint8_t>(i);
      packet->bytes[8] = 64;
      packet->bytes[9] = 17;
      const auto& to = path_->hosts()[1].address.v4;
      std::copy_n(reinterpret_cast<const std::uint8_t*>(&to), 4, packet->bytes + 16);
      path_->enter(packet, 0, at_ns);
    }
    now_ns_ += count * gap_ns + 200e6;
    path_->run_until(now_ns_);
    for (emulator::Packet* packet : path_->arrived()) {
      const auto number = static_cast<std::uint32_t>(packet->bytes[4] << 8 | packet->bytes[5]);
      record.arrivals.push_back({number, static_cast<std::int64_t>(std::llround(packet->due_ns)), 0});
      path_->give_back(packet);
    }
    path_->arrived().clear();
    return record;
  }

  Capacity capacity() {
    std::vector<StreamRecord> trains;
    for (int i = 0; i < 100; ++i) trains.push_back(stream(6, 0));
    const auto found = estimate_capacity(trains);
    EXPECT_TRUE(found);
    return found.value_or(Capacity{});
  }

  Available available(double capacity_bps) {
    std::vector<StreamRates> streams;
    for (int i = 0; i < 80; ++i) {
      const std::array<double, 4> kRates = {1, 0.85, 1, 0.65};
      const double bps = capacity_bps * kRates[static_cast<std::size_t>(i) % kRates.size()];
      if (const auto rates = rates_of(stream(100, kBytes * 8e9 / bps))) streams.push_back(*rates);
    }
    const auto found = estimate_available(streams, capacity_bps);
    EXPECT_TRUE(found);
    return found.value_or(Available{});
  }

 private:
  std::unique_ptr<emulator::Path> path_;
  double now_ns_ = 0;
};

TEST(PathEstimate, TheNarrowLinkIsFoundWhereverOthersSend) {
  for (const char* cross : {"1 ab cross=off", "2 ab cross=poisson cross-rate=60mbit",
                            "1 ab rate=300mbit cross=poisson cross-rate=200mbit cross-size=mixed",
                            "3 ab rate=155mbit cross=poisson cross-rate=108mbit"}) {
    ModelPath path({"all ab rate=10gbit", "2 ab rate=100mbit delay=5ms", cross});
    EXPECT_NEAR(path.capacity().bps.value / 100e6, 1, 0.005) << cross;
  }
}

TEST(PathEstimate, WhatIsLeftIsWhatOthersDoNotUse) {
  struct Case {
    const char* words;
    double bps, tolerance;
  };
  for (const Case& each :
       {Case{"1 ab cross=off", 100e6, 0.01}, Case{"2 ab cross=cbr cross-rate=30mbit", 70e6, 0.03},
        Case{"2 ab cross=poisson cross-rate=60mbit", 40e6, 0.05},
        Case{"2 ab cross=pareto cross-rate=60mbit cross-burst=5ms", 40e6, 0.1}}) {
    ModelPath path({"all ab rate=10gbit", "2 ab rate=100mbit delay=5ms", each.words});
    const Available found = path.available(100e6);
    EXPECT_NEAR(found.bps.value / 100e6, each.bps / 100e6, each.tolerance) << each.words;
    EXPECT_LE(found.bps.low, found.bps.value);
    EXPECT_GE(found.bps.high, found.bps.value);
    EXPECT_FALSE(found.tight_bps) << each.words;
  }
}

TEST(PathEstimate, ATightLinkThatIsNotTheNarrowOneIsTold) {
  ModelPath path({"all ab rate=10gbit", "2 ab rate=100mbit delay=5ms",
                  "3 ab rate=200mbit cross=poisson cross-rate=150mbit"});
  const Available found = path.available(100e6);
  EXPECT_NEAR(found.bps.value / 100e6, 0.5, 0.1);
  ASSERT_TRUE(found.tight_bps);
  EXPECT_NEAR(*found.tight_bps / 200e6, 1, 0.3);
}

TEST(PathEstimate, LossReorderingAndDuplicatesAreToldApart) {
  StreamRecord record;
  record.sent_ns.assign(8, 0);
  for (const std::uint32_t number : {0U, 1U, 3U, 4U, 2U, 4U, 7U}) record.arrivals.push_back({number, 0, 0});
  record.arrivals.push_back({99, 0, 0});  // of nobody's
  Losses losses;
  count_losses(record, losses);
  EXPECT_EQ(losses.lost, 2U);
  EXPECT_EQ(losses.duplicates, 1U);
  EXPECT_EQ(losses.reordered, 1U);
  EXPECT_EQ(losses.reorder_extent, 2U);
  EXPECT_EQ(losses.arrived, 6U);
}

TEST(PathEstimate, NothingIsSaidOfTooLittle) {
  EXPECT_FALSE(estimate_capacity({}));
  EXPECT_FALSE(rates_of({}));
  EXPECT_FALSE(estimate_available({}, 1e6));
  StreamRecord lost;
  lost.sent_ns.assign(50, 0);
  EXPECT_FALSE(rates_of(lost));
}

TEST(PathAdvice, ASmallBufferIsNamedWithItsCapAndItsCure) {
  HostTcp host;
  host.rmem = {4096, 131072, 6291456};
  host.wmem = {4096, 16384, 262144};
  host.congestion = "cubic";
  const Advice advice = advise({100e6, 100e6, 0, 1448}, host);
  EXPECT_DOUBLE_EQ(advice.bdp_bytes, 1.25e6);
  ASSERT_EQ(advice.changes.size(), 1U);
  EXPECT_EQ(advice.changes[0].command, "sysctl -w net.ipv4.tcp_wmem='4096 16384 3145728'");
  EXPECT_NEAR(advice.changes[0].from_bps, 262144 * kSendWindowShare * 8 / 0.1, 1);
  EXPECT_EQ(advice.changes[0].to_bps, 100e6);
  EXPECT_EQ(advice.caps.front().by, "tcp_wmem");
  EXPECT_EQ(advice.streams, 8);
}

TEST(PathAdvice, NothingIsToBeChangedWhereNothingWouldBeGained) {
  HostTcp host;
  host.rmem = host.wmem = {4096, 16384, 6291456};
  host.window_scaling = true;
  host.congestion = "bbr";
  const Advice advice = advise({100e6, 20e6, 0.01, 1448}, host);
  EXPECT_TRUE(advice.changes.empty());
  EXPECT_EQ(advice.streams, 1);
}

TEST(PathAdvice, LossesCallForAnotherControl) {
  HostTcp host;
  host.congestion = "reno";
  host.congestion_available = "reno cubic bbr";
  EXPECT_EQ(advise({100e6, 50e6, 0.001, 1448}, host).changes.at(0).command,
            "sysctl -w net.ipv4.tcp_congestion_control=bbr");
  host.window_scaling = false;
  EXPECT_EQ(advise({100e6, 50e6, 0, 1448}, host).changes.at(0).command,
            "sysctl -w net.ipv4.tcp_window_scaling=1");
}

TEST(PathHops, LinksAreToldByDifferencesAndOnlyBeyondTheirError) {
  std::vector<Hop> hops(3);
  // 1 Gbit/s, then 10 Mbit/s, then 10 Gbit/s, which drowns in the error.
  std::vector<std::vector<SizedRtt>> least(3);
  const double slopes[] = {8.0, 8.0 + 800.0, 8.0 + 800.0 + 0.8};
  for (std::size_t i = 0; i < 3; ++i)
    for (const double bytes : {640.0, 1400.0})
      least[i].push_back({bytes, 1e6 * static_cast<double>(i + 1) + slopes[i] * bytes, 1000});
  for (Hop& hop : hops) hop.answered = 10;
  judge_links(hops, least);
  ASSERT_TRUE(hops[0].link_bps);
  EXPECT_NEAR(*hops[0].link_bps, 1e9, 1e6);
  ASSERT_TRUE(hops[1].link_bps);
  EXPECT_NEAR(*hops[1].link_bps, 10e6, 1e5);
  EXPECT_LT(*hops[1].link_low_bps, 10e6);
  EXPECT_FALSE(hops[2].link_bps);
}

}  // namespace
}  // namespace isotach::path
