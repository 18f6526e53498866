#include "network/nettest/iperf2.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace isotach::nettest {
namespace {

using namespace std::string_view_literals;

// As iperf 2.1.8 sent it: -t 1 -R -l 1000.
constexpr std::string_view kReverse =
    "\x44\x01\x00\x78\x00\x00\x00\x01\x00\x00\x17\x0d\x00\x00\x03\xe8"
    "\x00\x00\x00\x00\xff\xff\xff\x9c\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x04\x00\x00\x00\x00\x02\x00\x01\x00\x08\x00\x03\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"sv;

TEST(Iperf2, ReadsWhatAClientOfTcpSays) {
  EXPECT_EQ(iperf2_test_bytes(kReverse), kReverse.size());
  const auto test = read_iperf2_test(kReverse, false);
  ASSERT_TRUE(test);
  EXPECT_TRUE(test->reverse);
  EXPECT_FALSE(test->connects_back);
  EXPECT_EQ(test->length, 1000u);
  EXPECT_EQ(test->time_ns, kNanosecondsPerSecond);
  EXPECT_EQ(test->bytes, 0u);
}

TEST(Iperf2, WritesWhatItReads) {
  Iperf2Test test;
  test.length = 1400;
  test.bytes = 5000;
  test.rate_bps = 1'000'000;
  test.tos = 0xb8;
  for (const bool udp : {false, true}) {
    const auto again = read_iperf2_test(iperf2_test(test, udp), udp);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->length, test.length);
    EXPECT_EQ(again->bytes, test.bytes);
    EXPECT_EQ(again->tos, test.tos);
    EXPECT_EQ(again->rate_bps, udp ? test.rate_bps : 0);
  }
}

TEST(Iperf2, TakesNothingElseForIt) {
  for (const std::string_view other : {"GET / HTTP/1.1\r\n\r\n      "sv, "abcdefghijklmnopqrstuvwxyz"sv,
                                       "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"sv, "\0\0\0\0"sv})
    EXPECT_EQ(iperf2_test_bytes(other), 0u) << other;
  EXPECT_FALSE(read_iperf2_test(kReverse.substr(0, 40), false));
}

TEST(Iperf2, NumbersAreWideAndMayBeNegative) {
  for (const std::int64_t number : {1ll, -6ll, 0x1'2345'6789ll, -0x1'0000'0001ll}) {
    const auto again = read_iperf2_datagram(iperf2_datagram({number, 1'700'000'000'123'456}));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->number, number);
    EXPECT_EQ(again->sent_us, 1'700'000'000'123'456);
  }
  EXPECT_FALSE(read_iperf2_datagram("123456789012345"));
}

TEST(Iperf2, TheReportOfAServer) {
  // As iperf 2.1.8 sent it, for six datagrams of 1000 bytes of which one was missing.
  constexpr std::string_view kBegin =
      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
      "\x88\x00\x00\x00\x00\x00\x00\x00\x00\x00\x17\x70\x00\x00\x00\x00"
      "\x00\x00\x8a\x9a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07"
      "\x00\x00\x00\x00\x00\x00\x00\x05"sv;
  const auto report = read_iperf2_report(kBegin);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->bytes, 6000u);
  EXPECT_EQ(report->datagrams, 7u);
  EXPECT_EQ(report->lost, 1u);
  EXPECT_EQ(report->time_us, 35482);
  EXPECT_EQ(report->jitter_us, 5);
  EXPECT_EQ(iperf2_report(*report).size(), 128u);
  EXPECT_TRUE(iperf2_report(*report).starts_with(kBegin));
}

}  // namespace
}  // namespace isotach::nettest
