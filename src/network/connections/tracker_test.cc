#include "network/connections/tracker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <variant>
#include <vector>

#include "network/connections/fields.h"
#include "network/connections/talk_fixture.h"
#include "network/connections/tcptrace_text.h"

namespace isotach::network {
namespace {

TEST(Tracker, CountsAConversation) {
  Talk talk;
  talk.open();
  talk.a(12, {.sequence = 1000, .ack = 5000, .flags = kTcpAck | kTcpPsh, .data = 100});
  talk.b(22, {.sequence = 5000, .ack = 1100, .data = 300});
  talk.a(23, {.sequence = 1100, .ack = 5300, .flags = kTcpAck | kTcpFin});
  talk.b(33, {.sequence = 5300, .ack = 1101, .flags = kTcpAck | kTcpFin});
  talk.a(34, {.sequence = 1101, .ack = 5301});
  const Connection& one = talk.end();
  EXPECT_EQ(one.state(), ConnectionState::complete);
  EXPECT_EQ(one.handshake_ns, 11 * kMs);
  EXPECT_EQ(one.a().unique_bytes, 100u);
  EXPECT_EQ(one.b().unique_bytes, 300u);
  EXPECT_EQ(one.a().packets, 5u);
  EXPECT_EQ(one.a().rtt.count, 3u);
  EXPECT_EQ(one.a().rtt.least, 10u * kMs);
  EXPECT_EQ(one.a().outstanding_max, 100u);
  EXPECT_EQ(one.a().trouble, nullptr);
}

TEST(Tracker, KeepAlivesAreNoRetransmissions) {
  Talk talk;
  talk.open();
  talk.a(20, {.sequence = 1000, .ack = 5000, .data = 100});
  talk.b(30, {.sequence = 5000, .ack = 1100});
  for (int i = 1; i < 4; ++i) talk.a(1000 * i, {.sequence = 1099, .ack = 5000, .data = 1});
  const Connection& one = talk.end();
  EXPECT_EQ(one.a().trouble->keep_alives, 3u);
  EXPECT_EQ(one.a().trouble->retransmitted_packets, 0u);
}

TEST(Tracker, TheSamePacketTwiceIsNoRetransmission) {
  Talk talk;
  talk.open();
  talk.a(20, {.sequence = 1000, .ack = 5000, .data = 100});
  talk.set_id(102);
  talk.a(20, {.sequence = 1000, .ack = 5000, .data = 100});
  const Connection& one = talk.end();
  EXPECT_EQ(one.a().trouble->duplicated, 1u);
  EXPECT_EQ(one.a().trouble->retransmitted_packets, 0u);
}

TEST(Tracker, OutstandingDataIsExactAcrossTheWrap) {
  Talk talk;
  const std::uint32_t isn = 0xffff'ffff - 1500;
  talk.open(isn);
  for (std::uint32_t i = 0; i < 4; ++i)
    talk.a(20 + i, {.sequence = isn + 1 + i * 1000, .ack = 5000, .data = 1000});
  talk.b(40, {.sequence = 5000, .ack = isn + 4001});
  const Connection& one = talk.end();
  EXPECT_EQ(one.a().outstanding_max, 4000u);
  EXPECT_EQ(one.a().unique_bytes, 4000u);
  EXPECT_EQ(one.a().rtt.count, 2u);
}

TEST(Tracker, MeasuresHowLongTheWindowWasShut) {
  Talk talk;
  talk.open();
  talk.a(20, {.sequence = 1000, .ack = 5000, .data = 100});
  talk.b(30, {.sequence = 5000, .ack = 1100, .window = 0});
  talk.a(130, {.sequence = 1100, .ack = 5000, .data = 1});
  talk.b(131, {.sequence = 5000, .ack = 1100, .window = 0});
  talk.b(530, {.sequence = 5000, .ack = 1100});
  const Connection& one = talk.end();
  EXPECT_EQ(one.b().trouble->zero_windows, 2u);
  EXPECT_EQ(one.b().trouble->zero_window_ns, 500 * kMs);
  EXPECT_EQ(one.a().trouble->probes, 1u);
}

TEST(Tracker, AnotherInitialNumberIsAnotherConnection) {
  for (const Rules rules : {Rules::exact, Rules::tcptrace}) {
    Talk talk(rules);
    talk.open();
    talk.a(20, {.sequence = 1000, .ack = 5000, .flags = kTcpRst | kTcpAck});
    talk.a(30, {.sequence = 70'000, .flags = kTcpSyn});
    talk.tracker().end();
    EXPECT_EQ(talk.tracker().size(), 2u);
  }
}

// Fault 13: what tcptrace splits is one connection.
TEST(Tracker, SilenceEndsNoConnection) {
  Talk exact;
  Talk tcptrace(Rules::tcptrace);
  for (Talk* talk : {&exact, &tcptrace}) {
    talk->open();
    talk->a(300'000, {.sequence = 1000, .ack = 5000, .data = 100});
    talk->tracker().end();
  }
  EXPECT_EQ(exact.tracker().size(), 1u);
  EXPECT_EQ(tcptrace.tracker().size(), 2u);
}

TEST(Tracker, PrintsAsTcptraceDoes) {
  Talk talk(Rules::tcptrace);
  talk.open();
  talk.a(12, {.sequence = 1000, .ack = 5000, .data = 100});
  talk.b(22, {.sequence = 5000, .ack = 1100});
  TcptraceWriter writer;
  const std::string text(writer.text(talk.end(), 0, "x.pcap"));
  EXPECT_NE(text.find("\thost a:        10.0.0.1:40000\n"), std::string::npos) << text;
  EXPECT_NE(text.find("     total packets:             3           total packets:             2      \n"),
            std::string::npos)
      << text;
  // Fault 1: one byte too many.
  EXPECT_NE(text.find("     max owin:                101 bytes"), std::string::npos) << text;
  EXPECT_EQ(tcptrace_elapsed(24'740'000'000), "0:00:24.739999");
}

TEST(Tracker, EveryFieldHasAValueOrNone) {
  Talk talk;
  talk.a(0, {.sequence = 1000, .flags = kTcpSyn});
  const Connection& one = talk.end();
  std::vector<std::string> names;
  for (const DirectionField& field : direction_fields()) {
    names.emplace_back(field.name);
    for (const Direction& direction : one.directions) {
      const FieldValue value = field.value(one, direction);
      if (const auto* real = std::get_if<double>(&value)) {
        EXPECT_TRUE(std::isfinite(*real)) << field.name;
      }
    }
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

// Holes that are never filled must not let memory or time grow without bound.
TEST(Tracker, HolesAreBounded) {
  Talk talk;
  talk.open();
  for (std::uint32_t i = 0; i < 20'000; ++i) talk.a(20, {.sequence = 2000 + i * 4, .ack = 5000, .data = 2});
  const Connection& one = talk.end();
  EXPECT_LE(one.a().work->sent.quarters[0].size(), 4096u);
  EXPECT_EQ(one.a().unique_bytes, 40'000u);
}

// What is known only while a connection lasts is given back; what comes late is judged as before.
TEST(Tracker, AClosedConnectionKnowsWhatWasSent) {
  Talk talk;
  talk.open();
  talk.a(20, {.sequence = 1000, .ack = 5000, .data = 100});
  talk.b(30, {.sequence = 5000, .ack = 1100, .flags = kTcpAck | kTcpFin});
  talk.a(31, {.sequence = 1100, .ack = 5001, .flags = kTcpAck | kTcpFin});
  talk.b(41, {.sequence = 5001, .ack = 1101});
  EXPECT_EQ(talk.tracker()[0].a().work, nullptr);
  EXPECT_EQ(talk.tracker()[0].b().work, nullptr);
  talk.a(400, {.sequence = 1000, .ack = 5001, .data = 100});
  talk.b(410, {.sequence = 5001, .ack = 1101});
  const Connection& one = talk.end();
  ASSERT_NE(one.a().trouble, nullptr);
  EXPECT_EQ(one.a().trouble->retransmitted_packets, 1u);
  EXPECT_EQ(one.a().trouble->retransmitted_bytes, 100u);
  EXPECT_EQ(one.a().unique_bytes, 100u);
  EXPECT_EQ(one.b().trouble, nullptr);
}

}  // namespace
}  // namespace isotach::network
