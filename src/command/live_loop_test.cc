#include "command/live_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/fd.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kMillisecondNs = 1'000'000;

class LiveLoopTest : public testing::Test {
 protected:
  // Runs without a screen; each sample is counted.
  Result<LiveEnd> run(const LiveLoop::Options& options) {
    LiveLoop loop(context_, nullptr, options);
    start_ns_ = clock_.now().monotonic_ns;
    return loop.run({.sample = [this]() -> Result<void> {
                       ++samples_;
                       if (interrupt_at_ == samples_) waiter_.interrupt();
                       if (fail_at_ == samples_) return failure(ErrorKind::failed, "no more");
                       return {};
                     },
                     .draw = {},
                     .key = {}});
  }
  [[nodiscard]] std::int64_t elapsed_ns() { return clock_.now().monotonic_ns - start_ns_; }

  Fd nowhere_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  Output out_{nowhere_.get()};
  SignalWaiter waiter_;
  SystemClock clock_;
  Context context_{.out = out_, .err = out_, .waiter = waiter_, .clock = clock_, .command_name = "test"};
  std::int64_t start_ns_ = 0;
  unsigned samples_ = 0;
  unsigned interrupt_at_ = 0;
  unsigned fail_at_ = 0;
};

TEST_F(LiveLoopTest, EndsAfterSoManySamplesAndNotBeforeTheyAreDue) {
  const auto ended = run({.interval_ns = 5 * kMillisecondNs, .count = 3, .duration_ns = {}});
  ASSERT_TRUE(ended);
  EXPECT_EQ(*ended, LiveEnd::finished);
  EXPECT_EQ(samples_, 3u);
  EXPECT_GE(elapsed_ns(), 15 * kMillisecondNs);
}

TEST_F(LiveLoopTest, TheEarlySampleIsNotCounted) {
  const auto ended = run(
      {.interval_ns = 20 * kMillisecondNs, .count = 1, .duration_ns = {}, .early_ns = 2 * kMillisecondNs});
  ASSERT_TRUE(ended);
  EXPECT_EQ(samples_, 2u);
}

TEST_F(LiveLoopTest, ADurationEndsWithASampleAtItsTime) {
  const auto ended =
      run({.interval_ns = 3'600'000 * kMillisecondNs, .count = {}, .duration_ns = 10 * kMillisecondNs});
  ASSERT_TRUE(ended);
  EXPECT_EQ(*ended, LiveEnd::finished);
  EXPECT_EQ(samples_, 1u);
  EXPECT_GE(elapsed_ns(), 10 * kMillisecondNs);
}

TEST_F(LiveLoopTest, InterruptedItSaysSo) {
  interrupt_at_ = 2;
  const auto ended = run({.interval_ns = kMillisecondNs, .count = {}, .duration_ns = {}});
  ASSERT_TRUE(ended);
  EXPECT_EQ(*ended, LiveEnd::interrupted);
  EXPECT_EQ(samples_, 2u);
}

TEST_F(LiveLoopTest, AnErrorOfASampleEndsIt) {
  fail_at_ = 1;
  EXPECT_FALSE(run({.interval_ns = kMillisecondNs, .count = {}, .duration_ns = {}}));
}

}  // namespace
}  // namespace isotach::command
