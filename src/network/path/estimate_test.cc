#include "network/path/estimate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "network/path/advice.h"
#include "network/path/hops.h"

namespace isotach::path {
namespace {

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

TEST(PathEstimate, AStreamIsMeasuredAgainstWhatTheNarrowLinkLetsOut) {
  // Of 20 packets the second half left late, all at once: the narrow link spaces them, and nobody slowed
  // them.
  StreamRecord record;
  record.wire_bytes = 1250;
  record.gap_ns = 100e3;
  for (std::uint32_t i = 0; i < 20; ++i) {
    record.sent_ns.push_back(i < 10 ? i * 100'000 : 1'080'000);
    record.arrivals.push_back({i, i < 10 ? i * 100'000 : 1'080'000 + (i - 10) * 100'000, 0});
  }
  const auto rates = rates_of(record, 100e6);
  ASSERT_TRUE(rates);
  EXPECT_NEAR(rates->slowed, 0, 1e-9);
  EXPECT_NEAR(rates->settled, 0, 1e-9);
  for (std::uint32_t i = 0; i < 20; ++i) record.arrivals[i].received_ns += i * 50'000 - 7'000'000'000;
  EXPECT_NEAR(rates_of(record, 100e6)->slowed, 0.5, 0.05);
}

TEST(PathEstimate, OnlyWhatLeftEvenlyCountsHoweverSmallTheHolesWere) {
  // At 50 of 100 Mbit/s; from packet 60 on the sender falls behind by a little each time, then hurries, and
  // what it fills the queue with comes out late.
  StreamRecord record;
  record.wire_bytes = 1250;
  record.gap_ns = 200e3;
  double free_ns = 0;
  for (std::uint32_t i = 0; i < 100; ++i) {
    const bool behind = i >= 60 && i < 90;
    record.sent_ns.push_back(i * 200'000 + (behind ? (i - 60) * 100'000 : 0));
    if (i >= 90) record.sent_ns.back() = record.sent_ns[89] + i;
    free_ns = std::max(free_ns, static_cast<double>(record.sent_ns.back())) + 100e3;
    record.arrivals.push_back({i, static_cast<std::int64_t>(free_ns * (i >= 70 ? 1.5 : 1)), 0});
  }
  const auto rates = rates_of(record, 100e6);
  ASSERT_TRUE(rates);
  EXPECT_NEAR(rates->in_bps, 50e6, 3e6);
  EXPECT_NEAR(rates->slowed, 0, 0.05);
  record.sent_ns.resize(100);
  for (std::uint32_t i = 0; i < 100; ++i) record.sent_ns[i] = i / 25 * 7'000'000 + i * 200'000;
  EXPECT_FALSE(rates_of(record, 100e6));  // no part is long enough
}

TEST(PathEstimate, NothingIsSaidOfTooLittle) {
  EXPECT_FALSE(estimate_capacity({}));
  EXPECT_FALSE(rates_of({}, 1e6));
  EXPECT_FALSE(estimate_available({}, 1e6, std::nullopt));
  EXPECT_FALSE(link_behind({}, 1e6));
  StreamRecord lost;
  lost.sent_ns.assign(50, 0);
  EXPECT_FALSE(rates_of(lost, 1e6));
}

TEST(PathAdvice, ASmallBufferIsNamedWithItsCapAndItsCure) {
  HostTcp host;
  host.rmem = {4096, 131072, 6291456};
  host.wmem = {4096, 16384, 262144};
  host.congestion = "cubic";
  const Advice advice = advise({100e6, 100e6, 0, 1448}, host);
  EXPECT_DOUBLE_EQ(advice.bdp_bytes, 1.25e6);
  ASSERT_EQ(advice.changes.size(), 1U);
  EXPECT_EQ(advice.changes[0].command, "sysctl -w net.ipv4.tcp_wmem='4096 16384 3014656'");
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
