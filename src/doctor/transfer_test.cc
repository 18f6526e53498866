// What limits a transfer: traces of known cause, each judged; and the same just before it is that cause.
#include "doctor/transfer.h"

#include <gtest/gtest.h>

#include <functional>

namespace isotach::doctor {
namespace {

using kernel::Activity;
using kernel::SocketDetail;
using network::TransferMoment;
using network::TransferTrace;

constexpr std::int64_t kStepNs = 50'000'000;
constexpr std::uint64_t kStepUs = 50'000;

// A transfer that fills a path of 8 Mbit/s and 20 ms with a queue of 20 ms; tests change what they are
// about. Both ends are seen.
struct Transfer {
  int moments = 100;
  Activity sender = Activity::socket_write;
  Activity receiver = Activity::socket_read;
  std::uint64_t bytes_a_step = 50'000;
  std::uint64_t busy_us = kStepUs, window_us = 0;
  double lost = 0;  // of the segments
  SocketDetail here, there;
  // Changes the moment with that number.
  std::function<void(int, TransferMoment&)> vary = [](int, TransferMoment&) {};
  bool other_end = true;

  Transfer() {
    here.mss = 1000;
    here.min_rtt_us = 20'000;
    here.rtt_us = 40'000;
    here.cwnd_segments = 40;
    here.unacked_segments = 40;
    here.send_window_bytes = 1 << 20;
    here.notsent_bytes = 100'000;
    here.send_buffer = 200'000;
    here.send_memory = 140'000;
    here.delivery_rate = 1'000'000;
    here.max_pacing_rate = ~std::uint64_t{0};
    here.congestion_control = "cubic";
    there.receive_buffer = 1 << 20;
  }

  TransferVerdict judge(const PathFacts& path = {}) const {
    TransferTrace trace;
    TransferMoment moment;
    moment.ours = here;
    moment.our_activity = sender;
    moment.ours.bytes_acked = 10'000'000;
    if (other_end) {
      moment.theirs = there;
      moment.their_activity = receiver;
    }
    for (int i = 0; i < moments; ++i) {
      moment.time_ns += kStepNs;
      moment.ours.busy_us += busy_us;
      moment.ours.window_limited_us += window_us;
      moment.ours.bytes_acked += bytes_a_step;
      moment.ours.bytes_sent += bytes_a_step;
      const auto again = static_cast<std::uint64_t>(static_cast<double>(bytes_a_step) * lost);
      moment.ours.bytes_retrans += again;
      moment.ours.total_retrans += static_cast<std::uint32_t>((again + 999) / 1000);
      TransferMoment one = moment;
      vary(i, one);
      trace.moments.push_back(one);
    }
    return judge_transfer(trace, path);
  }
  Cause cause(const PathFacts& path = {}) const { return judge(path).cause; }
};

TEST(Transfer, ASteadyQueueIsANarrowPath) {
  const TransferVerdict verdict = Transfer().judge();
  EXPECT_EQ(verdict.cause, Cause::narrow_path);
  EXPECT_NEAR(verdict.share, 1, 0.01);
  EXPECT_TRUE(verdict.answer.starts_with("It is the network")) << verdict.answer;
  ASSERT_TRUE(verdict.finding("x"));
  EXPECT_EQ(verdict.finding("x")->severity, Severity::info);
}

TEST(Transfer, AQueueThatIsTooLong) {
  Transfer transfer;
  transfer.here.rtt_us = 119'000;
  EXPECT_EQ(transfer.cause(), Cause::narrow_path);
  transfer.here.rtt_us = 121'000;
  EXPECT_EQ(transfer.cause(), Cause::bufferbloat);
}

TEST(Transfer, ARateThatVariesIsShared) {
  Transfer transfer;
  const auto vary = [](double spread) {
    return [spread](int i, TransferMoment& moment) {
      if (i % 4 == 0) moment.ours.delivery_rate = static_cast<std::uint64_t>(1'000'000 * spread);
    };
  };
  transfer.vary = vary(1.14);
  EXPECT_EQ(transfer.cause(), Cause::narrow_path);
  transfer.vary = vary(1.17);
  EXPECT_EQ(transfer.cause(), Cause::congestion);
}

TEST(Transfer, AMeasuredCapacityDecidesWhoFillsThePath) {
  Transfer transfer;
  PathFacts path;
  path.capacity_bps = 8e6 / 0.9;
  EXPECT_EQ(transfer.cause(path), Cause::narrow_path);
  path.capacity_bps = 8e6 / 0.6;
  EXPECT_EQ(transfer.cause(path), Cause::congestion);
}

TEST(Transfer, WithinAHostItIsNeverTheNetwork) {
  Transfer transfer;
  PathFacts path;
  EXPECT_TRUE(is_network(transfer.cause(path)));
  path.loopback = true;
  EXPECT_EQ(transfer.cause(path), Cause::sender_cpu);
}

TEST(Transfer, LossWithoutAQueue) {
  Transfer transfer;
  transfer.here.rtt_us = 21'000;
  transfer.lost = 0.0003;
  EXPECT_EQ(transfer.cause(), Cause::narrow_path);
  transfer.lost = 0.01;
  transfer.vary = [](int i, TransferMoment& moment) {
    // The rate goes up and down with the losses.
    moment.ours.bytes_acked += (i / 20) % 2 == 0 ? static_cast<std::uint64_t>(i % 20) * 60'000 : 1'200'000;
  };
  EXPECT_EQ(transfer.cause(), Cause::loss);
  EXPECT_TRUE(is_network(Cause::loss));
}

TEST(Transfer, LossesThatComeManyAtATimeAreOfAPolicer) {
  Transfer transfer;
  transfer.here.rtt_us = 21'000;
  transfer.lost = 0.01;
  const auto vary = [](int every) {
    return [=](int i, TransferMoment& moment) {
      moment.ours.data_segments_out = static_cast<std::uint32_t>(i) * 50;
      moment.ours.total_retrans = static_cast<std::uint32_t>(i / every * every);
    };
  };
  // One segment of fifty: by chance two moments of three have a loss.
  transfer.vary = vary(1);
  EXPECT_EQ(transfer.cause(), Cause::loss);
  transfer.vary = vary(4);
  EXPECT_EQ(transfer.cause(), Cause::policer);
}

TEST(Transfer, DeliveriesAsOthersMakeThemVary) {
  Transfer transfer;
  const auto vary = [](std::uint64_t segments) {
    return [=](int i, TransferMoment& moment) {
      moment.ours.bytes_acked += i % 2 == 0 ? segments * 1000 : 0;
      if (i % 4 == 0) moment.ours.delivery_rate = 1'030'000;
    };
  };
  transfer.vary = vary(2);
  EXPECT_EQ(transfer.cause(), Cause::narrow_path);
  transfer.vary = vary(6);
  EXPECT_EQ(transfer.cause(), Cause::congestion);
}

TEST(Transfer, ATrainThatLosesItsTailMeetsAPolicer) {
  Transfer transfer;
  transfer.here.rtt_us = 21'000;
  transfer.lost = 0.01;
  PathFacts path;
  path.burst_loss = 0.3;
  EXPECT_EQ(transfer.cause(path), Cause::policer);
  path.burst_loss = 0.01;
  EXPECT_EQ(transfer.cause(path), Cause::loss);
}

TEST(Transfer, Overtaking) {
  Transfer transfer;
  transfer.lost = 0.01;
  const auto vary = [](std::uint32_t events, std::uint32_t needless) {
    return [=](int i, TransferMoment& moment) {
      moment.ours.reord_seen = static_cast<std::uint32_t>(i) * events;
      moment.ours.dsack_dups = moment.ours.total_retrans * needless / 10;
    };
  };
  transfer.vary = vary(2, 5);
  EXPECT_EQ(transfer.cause(), Cause::reordering);
  transfer.vary = vary(2, 2);
  EXPECT_NE(transfer.cause(), Cause::reordering) << "what was sent again was needed";
  transfer.vary = vary(0, 5);
  EXPECT_NE(transfer.cause(), Cause::reordering);
}

TEST(Transfer, NothingLargeArrives) {
  Transfer transfer;
  transfer.bytes_a_step = 0;
  EXPECT_NE(transfer.cause(), Cause::black_hole) << "no timeout yet";
  transfer.here.backoff = 2;
  EXPECT_EQ(transfer.cause(), Cause::black_hole);
}

TEST(Transfer, TheOwnLink) {
  Transfer transfer;
  PathFacts path;
  path.link_bps = 8e6 / 0.9;
  path.interface = "eth0";
  EXPECT_EQ(transfer.cause(path), Cause::none) << "it is full, and that is all there is";
  EXPECT_FALSE(transfer.judge(path).finding("x"));
  path.link_findings = {{"below-common", Severity::warning, "eth0", "", "", "change the cable"}};
  EXPECT_EQ(transfer.cause(path), Cause::link_speed);
  EXPECT_EQ(transfer.judge(path).remedies.front(), "change the cable");
  path.link_findings = {{"duplex-mismatch", Severity::critical, "eth0", "", "", "negotiate"}};
  EXPECT_EQ(transfer.cause(path), Cause::duplex_mismatch);
  path.link_findings = {{"half-duplex", Severity::info, "eth0", "", "", ""}};
  EXPECT_EQ(transfer.cause(path), Cause::none);
}

// The receiver's window is full all the time.
struct WindowFull : Transfer {
  WindowFull() {
    window_us = kStepUs;
    here.send_window_bytes = 20'000;
    here.unacked_segments = 20;
    here.rtt_us = 21'000;
  }
};

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

TEST(Transfer, AnEmptyTraceIsNotJudged) {
  EXPECT_EQ(judge_transfer({}, {}).cause, Cause::unknown);
  EXPECT_FALSE(judge_transfer({}, {}).finding("x"));
}

}  // namespace
}  // namespace isotach::doctor
