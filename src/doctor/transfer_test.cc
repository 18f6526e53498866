// What of its ends limits a transfer: traces of known cause, and the same just before it is that cause.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "doctor/catalogue.h"
#include "doctor/transfer_fixture.h"

namespace isotach::doctor {
namespace {

TEST(Transfer, AFullWindowIsOfASmallBufferWhereTheReceiverReads) {
  WindowFull transfer;
  const TransferVerdict verdict = transfer.judge();
  EXPECT_EQ(verdict.cause, Cause::receive_window);
  EXPECT_TRUE(verdict.answer.starts_with("It is not the network")) << verdict.answer;
  transfer.there.receive_queue = transfer.there.receive_buffer / 5;
  EXPECT_EQ(transfer.cause(), Cause::receive_window);
  transfer.there.receive_queue = transfer.there.receive_buffer / 4;
  EXPECT_EQ(transfer.cause(), Cause::receiver_application);
}

TEST(Transfer, WhatTheReceiverDoesInsteadOfReading) {
  WindowFull transfer;
  transfer.there.receive_queue = transfer.there.receive_buffer / 2;
  transfer.receiver = Activity::timed;
  EXPECT_EQ(transfer.cause(), Cause::receiver_application);
  transfer.receiver = Activity::disk;
  EXPECT_EQ(transfer.cause(), Cause::receiver_disk);
  transfer.receiver = Activity::running;
  EXPECT_EQ(transfer.cause(), Cause::receiver_cpu);
  transfer.there.receive_queue = 0;
  EXPECT_EQ(transfer.cause(), Cause::receiver_cpu) << "it reads at once, and has no time for more";
}

TEST(Transfer, FromTheSenderAloneTheWindowTells) {
  WindowFull transfer;
  transfer.other_end = false;
  EXPECT_EQ(transfer.cause(), Cause::receive_window);
  transfer.vary = [](int i, TransferMoment& moment) {
    if (i % 2 == 0) moment.ours.send_window_bytes = 1'000;
  };
  EXPECT_EQ(transfer.cause(), Cause::receiver_application);
}

TEST(Transfer, FromTheSenderAloneLateAnswersTellASlowReader) {
  WindowFull transfer;
  transfer.other_end = false;
  transfer.bytes_a_step = 5'000;
  transfer.here.rtt_us = 24'000;
  EXPECT_EQ(transfer.cause(), Cause::receive_window);
  transfer.here.rtt_us = 26'000;
  EXPECT_EQ(transfer.cause(), Cause::receiver_application) << "its window leaves no queue to stand in";
  transfer.here.min_rtt_us = 100;
  transfer.here.rtt_us = 900;
  EXPECT_EQ(transfer.cause(), Cause::receive_window) << "what is quick is not late";
}

TEST(Transfer, AReaderThatAnswersLateFillsTheCongestionWindow) {
  Transfer transfer;
  transfer.window_us = kStepUs / 6;
  transfer.receiver = Activity::disk;
  transfer.there.receive_queue = transfer.there.receive_buffer / 6;
  EXPECT_EQ(transfer.cause(), Cause::narrow_path);
  transfer.there.receive_queue = transfer.there.receive_buffer / 2;
  EXPECT_EQ(transfer.cause(), Cause::receiver_disk);
  transfer.other_end = false;
  EXPECT_EQ(transfer.cause(), Cause::narrow_path);
  transfer.vary = [](int i, TransferMoment& moment) {
    if (i > 10) moment.ours.send_window_bytes = 200'000;
  };
  EXPECT_EQ(transfer.cause(), Cause::receiver_application) << "its queue takes away from the window";
  transfer.window_us = kStepUs / 12;
  EXPECT_EQ(transfer.cause(), Cause::narrow_path) << "the window shrinks, and is never full";
}

TEST(Transfer, BbrHidesAFullWindow) {
  WindowFull transfer;
  transfer.here.congestion_control = "bbr";
  transfer.window_us = kStepUs / 4;
  transfer.there.receive_queue = transfer.there.receive_buffer / 2;
  EXPECT_EQ(transfer.cause(), Cause::receiver_application);
}

TEST(Transfer, ASmallSendBuffer) {
  Transfer transfer;
  transfer.here.rtt_us = 21'000;
  transfer.here.send_memory = 190'000;
  transfer.here.notsent_bytes = 0;
  transfer.here.app_limited = true;
  transfer.here.unacked_segments = 10;
  EXPECT_EQ(transfer.cause(), Cause::send_buffer);
  transfer.here.rtt_us = 90'000;
  EXPECT_NE(transfer.cause(), Cause::send_buffer) << "the queue holds the buffer, not the other way round";
}

// Nothing unsent waits, and there is room.
struct Idle : Transfer {
  Idle() {
    here.notsent_bytes = 0;
    here.send_memory = 20'000;
    here.app_limited = true;
    here.unacked_segments = 5;
    here.rtt_us = 21'000;
  }
};

TEST(Transfer, WhatTheSenderDoesInsteadOfWriting) {
  for (const std::uint64_t busy : {kStepUs / 5, kStepUs}) {
    Idle transfer;
    transfer.busy_us = busy;
    transfer.sender = Activity::timed;
    EXPECT_EQ(transfer.cause(), Cause::sender_application);
    EXPECT_FALSE(is_network(Cause::sender_application));
    transfer.sender = Activity::disk;
    EXPECT_EQ(transfer.cause(), Cause::sender_disk);
    transfer.sender = Activity::running;
    EXPECT_EQ(transfer.cause(), Cause::sender_cpu);
    transfer.sender = Activity::socket_read;
    EXPECT_EQ(transfer.cause(), Cause::sender_waits);
    transfer.sender = Activity::unknown;
    EXPECT_EQ(transfer.cause(), Cause::sender_application);
  }
}

TEST(Transfer, AServerWhoseAnswerIsUnderWayIsHeldByThePath) {
  Transfer transfer;
  transfer.sender = Activity::readiness;
  EXPECT_EQ(transfer.cause(), Cause::narrow_path);
}

TEST(Transfer, PacingOfThisHost) {
  Transfer transfer;
  transfer.here.rtt_us = 21'000;
  transfer.here.unacked_segments = 10;
  EXPECT_EQ(transfer.cause(), Cause::local_queue);
  transfer.here.congestion_control = "bbr";
  EXPECT_EQ(transfer.cause(), Cause::narrow_path) << "bbr keeps room on every path";
  transfer.here.max_pacing_rate = 1'000'000;
  EXPECT_EQ(transfer.cause(), Cause::local_queue);
}

TEST(Transfer, MixedCausesAreSharesOfTheTime) {
  WindowFull transfer;
  transfer.vary = [](int i, TransferMoment& moment) {
    if (i >= 60) moment.our_activity = Activity::timed;
    // The counters stand while the application sleeps.
    const auto steps = static_cast<std::uint64_t>(std::min(i, 59) + 1);
    moment.ours.busy_us = moment.ours.window_limited_us = steps * kStepUs;
    if (i >= 60) moment.ours.unacked_segments = moment.ours.notsent_bytes = 0;
  };
  const TransferVerdict verdict = transfer.judge();
  ASSERT_EQ(verdict.shares.size(), 2U);
  EXPECT_EQ(verdict.shares[0].cause, Cause::receive_window);
  EXPECT_NEAR(verdict.shares[0].share, 0.6, 0.02);
  EXPECT_EQ(verdict.shares[1].cause, Cause::sender_application);
  EXPECT_NEAR(verdict.shares[1].share, 0.4, 0.02);
  EXPECT_NE(verdict.answer.find("the sending application"), std::string::npos) << verdict.answer;
}

TEST(Transfer, WhatHoldsItIsJudgedByTheTimeInWhichItDoes) {
  // First a reader that pauses, with answers that come late; then a path that is full, steadily.
  Transfer transfer;
  transfer.window_us = 0;
  std::uint64_t window_us = 0;
  transfer.vary = [&](int i, TransferMoment& moment) {
    const bool slow = i < 60;
    window_us += slow ? kStepUs : 0;
    moment.ours.window_limited_us = window_us;
    if (!slow) return;
    moment.theirs->receive_queue = moment.theirs->receive_buffer / 2;
    moment.their_activity = Activity::timed;
    moment.ours.rtt_us = i % 2 == 0 ? 20'000 : 90'000;
    moment.ours.delivery_rate = i % 3 == 0 ? 2'500'000 : 500'000;
  };
  const TransferVerdict verdict = transfer.judge();
  ASSERT_EQ(verdict.shares.size(), 2U);
  EXPECT_EQ(verdict.shares[0].cause, Cause::receiver_application);
  EXPECT_NEAR(verdict.shares[0].share, 0.6, 0.02);
  EXPECT_EQ(verdict.shares[1].cause, Cause::narrow_path) << "not the varying rates of the other part";
}

TEST(Transfer, FromTheReceiverAlone) {
  TransferTrace trace;
  TransferMoment moment;
  moment.ours.receive_buffer = 100'000;
  moment.our_activity = Activity::socket_read;
  for (int i = 0; i < 20; ++i) {
    moment.time_ns += kStepNs;
    moment.ours.bytes_received += 10'000;
    trace.moments.push_back(moment);
  }
  EXPECT_EQ(judge_transfer(trace, {}).cause, Cause::unknown);
  for (TransferMoment& one : trace.moments) {
    one.ours.receive_queue = 50'000;
    one.our_activity = Activity::disk;
  }
  EXPECT_EQ(judge_transfer(trace, {}).cause, Cause::receiver_disk);
}

TEST(Transfer, EveryFindingOfTransfersIsOfACauseAndTellsNothingTwice) {
  std::set<std::string> found;
  for (std::size_t i = 0; i < kCauses; ++i) {
    TransferVerdict verdict;
    verdict.cause = static_cast<Cause>(i);
    verdict.share = 0.93;
    const auto bare = verdict.finding("A to B");
    if (!bare) continue;
    found.insert(bare->id);
    EXPECT_NE(find_description(bare->id), nullptr) << bare->id;
    const std::string said = bare->title.substr(bare->title.find(": ") + 2);
    verdict.answer = "It is the network: " + said + " (10 Mbit/s)";
    EXPECT_EQ(verdict.finding("A to B")->evidence, "93 % of the time (10 Mbit/s)");
  }
  for (const FindingDescription& one : transfer_findings())
    EXPECT_TRUE(found.contains(std::string(one.id))) << one.id;
}

TEST(Transfer, AnEmptyTraceIsNotJudged) {
  EXPECT_EQ(judge_transfer({}, {}).cause, Cause::unknown);
  EXPECT_FALSE(judge_transfer({}, {}).finding("x"));
}

}  // namespace
}  // namespace isotach::doctor
