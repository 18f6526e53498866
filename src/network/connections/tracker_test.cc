#include "network/connections/tracker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "network/connections/fields.h"
#include "network/connections/tcptrace_text.h"
#include "network/packet/capture_fixture.h"
#include "network/packet/decoder.h"

namespace isotach::network {
namespace {

constexpr std::int64_t kMs = 1'000'000;

// A conversation between a (10.0.0.1:40000) and b (10.0.0.2:80), written segment by segment.
class Talk {
 public:
  explicit Talk(Rules rules = Rules::exact) : tracker_(rules) {}

  void a(std::int64_t ms, TestSegment segment) { add(ms, segment, false); }
  void b(std::int64_t ms, TestSegment segment) { add(ms, segment, true); }

  // SYN at 0 ms, its answer at 10 ms, the third at 11 ms; both initial numbers are given.
  void open(std::uint32_t isn_a = 999, std::uint32_t isn_b = 4999) {
    const Bytes sack = {4, 2, 1, 1};
    a(0, {.sequence = isn_a, .flags = kTcpSyn, .options = sack});
    b(10, {.sequence = isn_b, .ack = isn_a + 1, .flags = kTcpSyn | kTcpAck, .options = sack});
    a(11, {.sequence = isn_a + 1, .ack = isn_b + 1});
  }
  const Connection& end() {
    tracker_.end();
    EXPECT_EQ(tracker_.size(), 1u);
    return tracker_[0];
  }
  Tracker& tracker() { return tracker_; }
  // The IP id of the next packet of a.
  void set_id(std::uint16_t id) { id_ = id; }

 private:
  void add(std::int64_t ms, TestSegment segment, bool reverse) {
    if (reverse) std::swap(segment.source_port, segment.destination_port);
    Bytes ip = ipv4_bytes(tcp_bytes(segment), kProtocolTcp, reverse ? peer_id_++ : id_++);
    if (reverse) std::swap(ip[15], ip[19]);
    const Frame frame = frame_of(ip, kLinkRaw);
    const Packet* packet = decoder_.decode(frame);
    ASSERT_NE(packet, nullptr);
    tracker_.note_time(1'000'000 * kMs + ms * kMs);
    EXPECT_TRUE(tracker_.add(*packet, frame.wire_length, 1'000'000 * kMs + ms * kMs));
  }

  Tracker tracker_;
  Decoder decoder_;
  std::uint16_t id_ = 100;
  std::uint16_t peer_id_ = 7000;
};

Bytes sack(std::uint32_t left, std::uint32_t right) {
  Bytes bytes = {1, 1, 5, 10};
  append32(bytes, left);
  append32(bytes, right);
  return bytes;
}

// Ten segments of 100 bytes from 1000 on, without the one at `lost`; b has the first three acknowledged.
void send_ten(Talk& talk, std::uint32_t lost) {
  for (std::uint32_t i = 0; i < 10; ++i)
    if (i != lost) talk.a(20 + i, {.sequence = 1000 + i * 100, .ack = 5000, .data = 100});
}

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

TEST(Tracker, RetransmissionAfterSackIsFast) {
  Talk talk;
  talk.open();
  send_ten(talk, 99);
  talk.b(30, {.sequence = 5000, .ack = 1300, .options = sack(1400, 2000)});
  talk.a(31, {.sequence = 1300, .ack = 5000, .data = 100});
  talk.b(41, {.sequence = 5000, .ack = 2000});
  const Connection& one = talk.end();
  ASSERT_NE(one.a().trouble, nullptr);
  EXPECT_EQ(one.a().trouble->retransmitted_packets, 1u);
  EXPECT_EQ(one.a().trouble->kinds[0], 1u);
  EXPECT_EQ(one.a().trouble->lost_before_capture, 0u);
  EXPECT_EQ(one.a().unique_bytes, 1000u);
}

TEST(Tracker, LossBeforeTheCaptureIsARetransmission) {
  Talk talk;
  talk.open();
  send_ten(talk, 3);
  talk.b(30, {.sequence = 5000, .ack = 1300, .options = sack(1400, 2000)});
  talk.a(31, {.sequence = 1300, .ack = 5000, .data = 100});
  const Connection& one = talk.end();
  EXPECT_EQ(one.a().trouble->retransmitted_packets, 1u);
  EXPECT_EQ(one.a().trouble->lost_before_capture, 1u);
  EXPECT_EQ(one.a().trouble->out_of_order, 0u);
  EXPECT_EQ(one.a().trouble->kinds[0], 1u);
  EXPECT_EQ(one.a().unique_bytes, 1000u);
}

TEST(Tracker, OvertakenSegmentIsNoRetransmission) {
  Talk talk;
  talk.open();
  for (const std::uint32_t i : {0u, 1u, 2u, 4u, 5u}) {
    talk.set_id(static_cast<std::uint16_t>(200 + i));
    talk.a(20 + i, {.sequence = 1000 + i * 100, .ack = 5000, .data = 100});
  }
  talk.b(26, {.sequence = 5000, .ack = 1300, .options = sack(1400, 1600)});
  talk.set_id(203);
  talk.a(27, {.sequence = 1300, .ack = 5000, .data = 100});
  const Connection& one = talk.end();
  EXPECT_EQ(one.a().trouble->retransmitted_packets, 0u);
  EXPECT_EQ(one.a().trouble->out_of_order, 1u);
}

// Late by more than a round trip: the sender sends it again, and the second transmission comes first.
TEST(Tracker, AnOriginalThatComesAfterItsRetransmissionIsNoSecondOne) {
  Talk talk;
  talk.open();
  for (const std::uint32_t i : {0u, 1u, 2u, 4u, 5u}) {
    talk.set_id(static_cast<std::uint16_t>(200 + i));
    talk.a(20 + i, {.sequence = 1000 + i * 100, .ack = 5000, .data = 100});
  }
  talk.b(26, {.sequence = 5000, .ack = 1300, .options = sack(1400, 1600)});
  talk.set_id(206);
  talk.a(40, {.sequence = 1300, .ack = 5000, .data = 100});
  talk.b(41, {.sequence = 5000, .ack = 1600});
  talk.set_id(203);
  talk.a(42, {.sequence = 1300, .ack = 5000, .data = 100});
  const Connection& one = talk.end();
  EXPECT_EQ(one.a().trouble->retransmitted_packets, 1u);
  EXPECT_EQ(one.a().trouble->out_of_order, 1u);
  EXPECT_EQ(one.a().unique_bytes, 600u);
}

Bytes timestamps(std::uint32_t value) {
  Bytes bytes = {1, 1, 8, 10};
  append32(bytes, value);
  append32(bytes, 0);
  return bytes;
}

// What came in order and comes again is sent again, also where that is overtaken by what was sent after it.
TEST(Tracker, ARetransmissionThatIsOvertakenIsOne) {
  Talk talk;
  talk.open();
  for (std::uint32_t i = 0; i < 8; ++i)
    talk.a(20 + i, {.sequence = 1000 + i * 100, .ack = 5000, .data = 100});
  talk.b(30, {.sequence = 5000, .ack = 1800});
  talk.set_id(220);
  talk.a(40, {.sequence = 1800, .ack = 5000, .data = 100});
  talk.b(41, {.sequence = 5000, .ack = 1900});
  talk.set_id(219);
  talk.a(42, {.sequence = 1300, .ack = 5000, .data = 100});
  const Connection& one = talk.end();
  ASSERT_NE(one.a().trouble, nullptr);
  EXPECT_EQ(one.a().trouble->retransmitted_packets, 1u);
  EXPECT_EQ(one.a().trouble->out_of_order, 0u);
}

// The same without IP ids; a second retransmission is told from the original.
TEST(Tracker, TimestampsTellAnOriginalFromItsRetransmission) {
  for (const bool original : {false, true}) {
    Talk talk;
    talk.open();
    const auto send = [&talk](std::int64_t ms, std::uint32_t sequence, std::uint32_t stamp) {
      talk.set_id(0);
      talk.a(ms, {.sequence = sequence, .ack = 5000, .options = timestamps(stamp), .data = 100});
    };
    send(20, 1000, 700);
    send(21, 1200, 700);
    talk.b(26, {.sequence = 5000, .ack = 1100, .options = sack(1200, 1300)});
    send(60, 1100, 740);
    send(62, 1100, original ? 700 : 780);
    const Connection& one = talk.end();
    ASSERT_NE(one.a().trouble, nullptr);
    EXPECT_EQ(one.a().trouble->retransmitted_packets, original ? 1u : 2u);
    EXPECT_EQ(one.a().trouble->out_of_order, original ? 1u : 0u);
  }
}

// Without IP ids, as in IPv6, the timestamps of the sender tell who was sent first.
TEST(Tracker, TimestampsTellWhatWasOvertaken) {
  for (const bool sent_again : {false, true}) {
    Talk talk;
    talk.open();
    for (const std::uint32_t i : {0u, 1u, 3u, 4u}) {
      talk.set_id(0);
      talk.a(20 + i, {.sequence = 1000 + i * 100, .ack = 5000, .options = timestamps(700), .data = 100});
    }
    talk.b(26, {.sequence = 5000, .ack = 1200, .options = sack(1300, 1500)});
    talk.set_id(0);
    const std::uint32_t step = sent_again ? 740 : 700;
    talk.a(60, {.sequence = 1200, .ack = 5000, .options = timestamps(step), .data = 100});
    const Connection& one = talk.end();
    ASSERT_NE(one.a().trouble, nullptr);
    EXPECT_EQ(one.a().trouble->lost_before_capture, sent_again ? 1u : 0u);
    EXPECT_EQ(one.a().trouble->out_of_order, sent_again ? 0u : 1u);
  }
}

TEST(Tracker, TellsTimeoutAndTailProbeApart) {
  Talk talk;
  talk.open();
  talk.a(20, {.sequence = 1000, .ack = 5000, .data = 100});
  talk.b(30, {.sequence = 5000, .ack = 1100});
  talk.a(40, {.sequence = 1100, .ack = 5000, .data = 100});
  talk.a(41, {.sequence = 1200, .ack = 5000, .data = 100});
  talk.a(61, {.sequence = 1200, .ack = 5000, .data = 100});   // the tail, after two round trips
  talk.a(300, {.sequence = 1100, .ack = 5000, .data = 100});  // the first outstanding one
  talk.a(900, {.sequence = 1100, .ack = 5000, .data = 100});  // and once more
  const Connection& one = talk.end();
  EXPECT_EQ(one.a().trouble->kinds[0], 0u);
  EXPECT_EQ(one.a().trouble->kinds[1], 2u);
  EXPECT_EQ(one.a().trouble->kinds[2], 1u);
  EXPECT_EQ(one.a().trouble->max_retransmissions, 2u);
}

TEST(Tracker, DSackTellsThatARetransmissionWasNeedless) {
  Talk talk;
  talk.open();
  send_ten(talk, 99);
  talk.a(300, {.sequence = 1000, .ack = 5000, .data = 100});
  talk.b(310, {.sequence = 5000, .ack = 2000, .options = sack(1000, 1100)});
  const Connection& one = talk.end();
  EXPECT_EQ(one.a().trouble->spurious, 1u);
  EXPECT_EQ(one.b().trouble->dsack_packets, 1u);
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
  const std::string text = tcptrace_text(talk.end(), 0, "x.pcap");
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
