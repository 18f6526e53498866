#include "network/connections/lateness.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>

#include "network/connections/talk_fixture.h"

namespace isotach::network {
namespace {

// Ten segments of 100 bytes from 1000 on, without the one at `lost`; b has the first three acknowledged.
void send_ten(Talk& talk, std::uint32_t lost) {
  for (std::uint32_t i = 0; i < 10; ++i)
    if (i != lost) talk.a(20 + i, {.sequence = 1000 + i * 100, .ack = 5000, .data = 100});
}

// Those of such segments that came, each with the IP id that tells when it was sent.
void send_numbered(Talk& talk, std::initializer_list<std::uint32_t> came) {
  for (const std::uint32_t i : came) {
    talk.set_id(static_cast<std::uint16_t>(200 + i));
    talk.a(20 + i, {.sequence = 1000 + i * 100, .ack = 5000, .data = 100});
  }
}

TEST(Lateness, RetransmissionAfterSackIsFast) {
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

TEST(Lateness, LossBeforeTheCaptureIsARetransmission) {
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

TEST(Lateness, OvertakenSegmentIsNoRetransmission) {
  Talk talk;
  talk.open();
  send_numbered(talk, {0u, 1u, 2u, 4u, 5u});
  talk.b(26, {.sequence = 5000, .ack = 1300, .options = sack(1400, 1600)});
  talk.set_id(203);
  talk.a(27, {.sequence = 1300, .ack = 5000, .data = 100});
  const Connection& one = talk.end();
  EXPECT_EQ(one.a().trouble->retransmitted_packets, 0u);
  EXPECT_EQ(one.a().trouble->out_of_order, 1u);
}

// Late by more than a round trip: the sender sends it again, and the second transmission comes first.
TEST(Lateness, AnOriginalThatComesAfterItsRetransmissionIsNoSecondOne) {
  Talk talk;
  talk.open();
  send_numbered(talk, {0u, 1u, 2u, 4u, 5u});
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

Bytes timestamps(std::uint32_t value, std::uint32_t echoed = 0) {
  Bytes bytes = {1, 1, 8, 10};
  append32(bytes, value);
  append32(bytes, echoed);
  return bytes;
}

// What came in order and comes again is sent again, also where that is overtaken by what was sent after it.
TEST(Lateness, ARetransmissionThatIsOvertakenIsOne) {
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
TEST(Lateness, TimestampsTellAnOriginalFromItsRetransmission) {
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
TEST(Lateness, TimestampsTellWhatWasOvertaken) {
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

TEST(Lateness, TellsTimeoutAndTailProbeApart) {
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

TEST(Lateness, DSackTellsThatARetransmissionWasNeedless) {
  Talk talk;
  talk.open();
  send_ten(talk, 99);
  talk.a(300, {.sequence = 1000, .ack = 5000, .data = 100});
  talk.b(310, {.sequence = 5000, .ack = 2000, .options = sack(1000, 1100)});
  const Connection& one = talk.end();
  EXPECT_EQ(one.a().trouble->spurious, 1u);
  EXPECT_EQ(one.b().trouble->dsack_packets, 1u);
}

// Of two holes side by side the upper one was filled first.
TEST(Lateness, ARetransmissionThatAnotherHasOvertakenIsOne) {
  Talk talk;
  talk.open();
  send_numbered(talk, {0u, 1u, 2u, 5u, 6u});
  talk.b(28, {.sequence = 5000, .ack = 1300, .options = sack(1500, 1700)});
  talk.set_id(208);
  talk.a(40, {.sequence = 1400, .ack = 5000, .data = 100});
  talk.set_id(207);
  talk.a(41, {.sequence = 1300, .ack = 5000, .data = 100});
  const Connection& one = talk.end();
  ASSERT_NE(one.a().trouble, nullptr);
  EXPECT_EQ(one.a().trouble->retransmitted_packets, 2u);
  EXPECT_EQ(one.a().trouble->out_of_order, 0u);
}

// In IPv6 two that were sent within one step of the timestamps are told apart by what they answer.
TEST(Lateness, TheEchoedTimestampTellsWhoWasSentFirst) {
  for (const bool sent_again : {false, true}) {
    Talk talk(Rules::exact, 6);
    talk.open();
    for (const std::uint32_t i : {0u, 1u, 3u})
      talk.a(20, {.sequence = 1000 + i * 100, .ack = 5000, .options = timestamps(700, 300), .data = 100});
    talk.b(21, {.sequence = 5000, .ack = 1200, .options = sack(1300, 1400)});
    talk.a(22,
           {.sequence = 1200, .ack = 5000, .options = timestamps(700, sent_again ? 301 : 299), .data = 100});
    const Connection& one = talk.end();
    ASSERT_NE(one.a().trouble, nullptr);
    EXPECT_EQ(one.a().trouble->retransmitted_packets, sent_again ? 1u : 0u);
    EXPECT_EQ(one.a().trouble->out_of_order, sent_again ? 0u : 1u);
  }
}

// How a conversation goes on after 20 segments in order, of which the next and the last that was sent are
// lost.
struct LastLost {
  std::uint16_t lost_above = 1;  // packets that were sent after that above the hole, and never came
  std::int64_t filled_after_ms = 12;
  std::int64_t next_after_ms = 12;  // after the hole was filled
  bool peer_sends = false;
  std::uint32_t next = 1;  // how many segments come then
};

std::uint64_t retransmitted(const LastLost& how) {
  Talk talk;
  talk.open();
  const auto send = [&talk](std::int64_t ms, std::uint32_t index) {
    talk.a(ms, {.sequence = 1000 + index * 100, .ack = 5000, .data = 100});
  };
  talk.set_id(180);
  for (std::uint32_t i = 0; i < 20; ++i) send(20, i);
  talk.b(21, {.sequence = 5000, .ack = 3000, .data = how.peer_sends ? 10u : 0u});
  std::int64_t ms = 30;
  talk.set_id(201);
  send(ms, 21);
  talk.b(ms, {.sequence = 5000, .ack = 3000, .options = sack(3100, 3200)});
  talk.set_id(static_cast<std::uint16_t>(202 + how.lost_above));
  send(ms += how.filled_after_ms, 20);
  talk.b(ms, {.sequence = 5000, .ack = 3200});
  ms += how.next_after_ms;
  for (std::uint32_t i = 0; i < how.next; ++i) send(ms + i, 22 + i);
  const Connection& one = talk.end();
  return one.a().trouble ? one.a().trouble->retransmitted_packets : 0;
}

TEST(Lateness, WhatWasLostAboveAHoleIsKnownByItsNumber) {
  EXPECT_EQ(retransmitted({}), 2u);
  EXPECT_EQ(retransmitted({.lost_above = 0}), 1u);
  EXPECT_EQ(retransmitted({.next = 3}), 2u);
  EXPECT_EQ(retransmitted({.lost_above = 2, .next = 3}), 3u);
}

// The number that is missing may have been that of something else.
TEST(Lateness, AMissingNumberMayBeThatOfAnotherPacket) {
  // A first retransmission, of which this is the second.
  EXPECT_EQ(retransmitted({.filled_after_ms = 250}), 1u);
  // An acknowledgement.
  EXPECT_EQ(retransmitted({.peer_sends = true}), 1u);
  // No answer to the filler.
  EXPECT_EQ(retransmitted({.next_after_ms = 2}), 1u);
}

}  // namespace
}  // namespace isotach::network
