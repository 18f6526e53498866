#include "network/nettest/seat_trial.h"

#include <gtest/gtest.h>

#include <limits>

namespace isotach::nettest {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;

// Plays a test of so many bytes a millisecond at each seat.
struct Play {
  SeatTrial trial{0};
  std::int64_t now_ns = 0;
  std::uint64_t bytes = 0;
  int with_packets_ms = 0;

  void run(int milliseconds, std::uint64_t anywhere, std::uint64_t with_packets) {
    for (int i = 0; i < milliseconds; ++i) {
      now_ns += kMillisecond;
      if (trial.with_packets()) ++with_packets_ms;
      bytes += trial.with_packets() ? with_packets : anywhere;
      if (now_ns >= trial.next_ns()) trial.look(now_ns, static_cast<std::int64_t>(bytes));
    }
  }
};

TEST(SeatTrial, StaysWithItsPacketsWhereMoreArrives) {
  Play play;
  play.run(39, 1000, 3000);
  EXPECT_EQ(play.with_packets_ms, 0);
  play.run(500, 1000, 3000);
  EXPECT_TRUE(play.trial.with_packets());
}

TEST(SeatTrial, GoesAnywhereWhereThatIsFasterOrNoWorse) {
  for (const std::uint64_t with_packets : {300U, 1000U, 1050U}) {
    Play play;
    play.run(1000, 1000, with_packets);
    EXPECT_FALSE(play.trial.with_packets()) << with_packets;
    // What the trial costs: 26 ms at the worse seat.
    EXPECT_LE(play.with_packets_ms, 27);
  }
}

TEST(SeatTrial, StaysWithItsPacketsForLessWhereThatIsEnough) {
  SeatTrial trial(0, 0.95);
  std::int64_t score = 0;
  for (std::int64_t now_ns = 0; now_ns < 500 * kMillisecond; now_ns += kMillisecond) {
    score += trial.with_packets() ? 970 : 1000;
    trial.look(now_ns, score);
  }
  EXPECT_TRUE(trial.with_packets());
}

TEST(SeatTrial, LeavesWhereSomebodyElseTakesTheProcessor) {
  Play play;
  play.run(500, 1000, 3000);
  ASSERT_TRUE(play.trial.with_packets());
  play.run(250, 1000, 1000);
  EXPECT_FALSE(play.trial.with_packets());
}

TEST(SeatTrial, GoesAnywhereWhereTheScoreFalls) {
  SeatTrial trial(0);
  std::int64_t score = 0;
  for (std::int64_t now_ns = 0; now_ns < 500 * kMillisecond; now_ns += kMillisecond) {
    score += trial.with_packets() ? -1000 : 10;
    trial.look(now_ns, score);
  }
  EXPECT_FALSE(trial.with_packets());
  EXPECT_EQ(trial.next_ns(), std::numeric_limits<std::int64_t>::max());
}

TEST(SeatTrial, FollowsNothingThatDoesNotCome) {
  Play play;
  play.run(1000, 0, 0);
  EXPECT_FALSE(play.trial.with_packets());
}

TEST(SeatTrial, DoesNotRunAboutAfterItGaveUp) {
  Play play;
  play.run(500, 1000, 3000);
  play.trial.give_up();
  play.run(500, 1000, 3000);
  EXPECT_FALSE(play.trial.with_packets());
}

}  // namespace
}  // namespace isotach::nettest
