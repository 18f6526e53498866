#include "network/nettest/report.h"

#include <gtest/gtest.h>

namespace isotach::nettest {
namespace {

TEST(Report, countsDroppedPiecesAsDatagrams) {
  // As measured: pieces of 46 datagrams, and every loss was one of the buffer.
  EXPECT_EQ(dropped_datagrams(30129, 862040, 18740, 1385934), 1385934u);
  EXPECT_EQ(dropped_datagrams(10, 1000, 1000, 25), 10u);
  EXPECT_EQ(dropped_datagrams(10, 1000, 1000, 4), 4u);
  EXPECT_EQ(dropped_datagrams(10, 1000, 1000, -2), 0u);
  EXPECT_EQ(dropped_datagrams(3, 0, 0, 100), 3u);
}

TEST(Report, subtractsSamplesOfAReceiver) {
  StreamSample before;
  before.highest = 100;
  before.packets = 98;
  before.lost = 2;
  before.calls = 98;
  before.buffer_drops = 1;
  StreamSample now = before;
  now.time_ns = 500'000'000;
  now.highest = 200;
  now.packets = 194;
  now.lost = 6;
  now.calls = 194;
  now.buffer_drops = 4;
  const StreamInterval interval = interval_between(before, now, false);
  EXPECT_DOUBLE_EQ(interval.seconds, 0.5);
  EXPECT_EQ(interval.packets, 100u);
  EXPECT_EQ(interval.lost, 4);
  EXPECT_EQ(interval.buffer_drops, 3u);
  // What came late is no longer lost: below 0 in its interval.
  EXPECT_EQ(interval_between(now, before, false).lost, -4);
}

TEST(Report, sharesTheTimeOfASender) {
  StreamSample before;
  before.tcp = kernel::TcpInfo{};
  StreamSample now;
  now.time_ns = 2'000'000'000;
  now.bytes = 1000;
  now.tcp = kernel::TcpInfo{};
  now.tcp->retransmits = 5;
  now.tcp->busy_us = 1'500'000;
  now.tcp->window_limited_us = 500'000;
  const StreamInterval interval = interval_between(before, now, true);
  EXPECT_EQ(interval.retransmits, 5u);
  EXPECT_DOUBLE_EQ(*interval.busy, 0.75);
  EXPECT_DOUBLE_EQ(*interval.window_limited, 0.25);
  EXPECT_DOUBLE_EQ(*interval.buffer_limited, 0);
}

TEST(Report, namesTheReceiveBufferNotTheNetwork) {
  TestFacts facts;
  facts.parameters.udp = true;
  facts.parameters.length = 1400;
  facts.path_mtu = 1500;
  TestReport report;
  report.streams.emplace_back();
  report.streams[0].received.known = true;
  report.streams[0].received.lost = 10;
  report.streams[0].received.buffer_drops = 10;
  ASSERT_EQ(warnings_of(facts, report).size(), 1u);
  EXPECT_NE(warnings_of(facts, report)[0].find("10 of 10 lost datagrams found the receive buffer full"),
            std::string::npos);
  report.streams[0].received.buffer_drops = 0;
  EXPECT_TRUE(warnings_of(facts, report).empty());
  facts.parameters.length = 1473;
  ASSERT_EQ(warnings_of(facts, report).size(), 1u);
  EXPECT_NE(warnings_of(facts, report)[0].find("in 2 fragments"), std::string::npos);
}

TEST(Report, tellsWhoseWorkKeepsProcessorsBusy) {
  const TestFacts facts;
  TestReport report;
  report.seconds = 1;
  report.local = {true, 80, 0, 80, 0.5, 1.0};
  ASSERT_EQ(warnings_of(facts, report).size(), 1u);
  EXPECT_NE(warnings_of(facts, report)[0].find("are the limit"), std::string::npos);
  report.local.total = 3;
  ASSERT_EQ(warnings_of(facts, report).size(), 1u);
  EXPECT_NE(warnings_of(facts, report)[0].find("may be the limit"), std::string::npos);
  // The share of a moment says nothing.
  report.seconds = 0.1;
  EXPECT_TRUE(warnings_of(facts, report).empty());
}

TEST(Report, tellsAMarkThatDidNotArrive) {
  TestFacts facts;
  facts.parameters.tos = 46 << 2;
  TestReport report;
  report.remote_path.tos_received = 46 << 2;
  EXPECT_TRUE(warnings_of(facts, report).empty());
  report.remote_path.tos_received = 1;  // ECN alone
  ASSERT_EQ(warnings_of(facts, report).size(), 1u);
  EXPECT_NE(warnings_of(facts, report)[0].find("sent with DSCP 46, arrived with 0"), std::string::npos);
}

}  // namespace
}  // namespace isotach::nettest
