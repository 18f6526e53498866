// What of the path limits a transfer: traces of known cause, and the same just before it is that cause.
#include <gtest/gtest.h>

#include "doctor/transfer_fixture.h"

namespace isotach::doctor {
namespace {

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
  path.burst_loss = 0.12;
  transfer.lost = 0.05;
  EXPECT_EQ(transfer.cause(path), Cause::loss) << "trains lose what all lose";
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

TEST(Transfer, QueuesThatComeAndGoAreNoPolicer) {
  Transfer transfer;
  transfer.here.rtt_us = 21'000;
  transfer.lost = 0.01;
  const auto vary = [](int period) {
    return [=](int i, TransferMoment& moment) {
      moment.ours.data_segments_out = static_cast<std::uint32_t>(i) * 50;
      moment.ours.total_retrans = static_cast<std::uint32_t>(i / 4 * 4);
      if (i % period == 0) moment.ours.rtt_us = 35'000;
      moment.ours.bytes_acked += i % 2 == 0 ? 6'000 : 0;
      if (i % 4 == 0) moment.ours.delivery_rate = 1'300'000;
    };
  };
  transfer.vary = vary(20);
  EXPECT_EQ(transfer.cause(), Cause::policer) << "one loss of five is beside a long round trip";
  transfer.vary = vary(4);
  EXPECT_EQ(transfer.cause(), Cause::congestion) << "a queue was full whenever something was lost";
}

TEST(Transfer, OvertakingThatASenderHasLearntToBearHoldsItUpAllTheSame) {
  Transfer transfer;
  transfer.here.rtt_us = 23'000;
  const auto vary = [](std::uint32_t events) {
    return [=](int i, TransferMoment& moment) {
      moment.ours.reord_seen = static_cast<std::uint32_t>(i) * events;
    };
  };
  transfer.vary = vary(5);
  EXPECT_EQ(transfer.cause(), Cause::reordering) << "though nothing is sent again";
  transfer.here.rtt_us = 40'000;
  EXPECT_EQ(transfer.cause(), Cause::narrow_path) << "the path is full";
  transfer.vary = [](int i, TransferMoment& moment) {
    moment.ours.reord_seen = static_cast<std::uint32_t>(i) * 5;
    moment.ours.bytes_acked += i % 2 == 0 ? 6'000 : 0;
    if (i % 4 == 0) moment.ours.delivery_rate = 1'030'000;
  };
  EXPECT_EQ(transfer.cause(), Cause::narrow_path) << "uneven as packets that overtake make it";
  transfer.vary = vary(5);
  transfer.here.rtt_us = 23'000;
  transfer.bytes_a_step = 10'000'000;
  EXPECT_NE(transfer.cause(), Cause::reordering) << "one segment of two thousand";
}

}  // namespace
}  // namespace isotach::doctor
