#include "base/wait.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/clock.h"
#include "base/fd.h"

namespace isotach {
namespace {

std::int64_t in_seconds(std::int64_t seconds) {
  return SystemClock().now().monotonic_ns + seconds * kNanosecondsPerSecond;
}

struct Pipe {
  Fd reading, writing;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

// Long enough to say that something never came.
constexpr std::int64_t kPatience_s = 30;

TEST(SignalWaiter, ADeadlineThatHasPassedIsNotWaitedFor) {
  SignalWaiter waiter;
  EXPECT_EQ(waiter.wait_until(0), Wake::deadline);
  EXPECT_EQ(waiter.wait_until(INT64_MIN), Wake::deadline);
  EXPECT_FALSE(waiter.interrupted());
}

TEST(SignalWaiter, ReachesItsDeadlineAndNotBefore) {
  SignalWaiter waiter;
  const std::int64_t deadline_ns = SystemClock().now().monotonic_ns + 5'000'000;
  EXPECT_EQ(waiter.wait_until(deadline_ns), Wake::deadline);
  EXPECT_GE(SystemClock().now().monotonic_ns, deadline_ns);
}

TEST(SignalWaiter, ASignalBeforeTheCallCounts) {
  SignalWaiter waiter;
  ::raise(SIGTERM);
  EXPECT_EQ(waiter.wait_until(in_seconds(kPatience_s)), Wake::interrupted);
  EXPECT_TRUE(waiter.interrupted());
  EXPECT_EQ(waiter.signal_number(), SIGTERM);
  EXPECT_EQ(waiter.wait_until(in_seconds(kPatience_s)), Wake::interrupted);  // and stays
}

TEST(SignalWaiter, ResizeAndEndedChildrenAreToldOnce) {
  SignalWaiter waiter;
  ::raise(SIGWINCH);
  EXPECT_EQ(waiter.wait_until(in_seconds(kPatience_s)), Wake::resized);
  EXPECT_EQ(waiter.wait_until(0), Wake::deadline);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  EXPECT_EQ(waiter.wait_until(in_seconds(kPatience_s)), Wake::child_exited);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(waiter.interrupted());
}

TEST(SignalWaiter, AClosedReaderEndsTheWait) {
  SignalWaiter waiter;
  Pipe pipe = make_pipe();
  EXPECT_EQ(waiter.wait_until(0, {-1, pipe.writing.get()}), Wake::deadline);
  pipe.reading.reset();
  EXPECT_EQ(waiter.wait_until(in_seconds(kPatience_s), {-1, pipe.writing.get()}), Wake::output_closed);
}

TEST(SignalWaiter, AnOutputThatWasNeverOpenEndsTheWaitToo) {
  SignalWaiter waiter;
  Pipe pipe = make_pipe();
  const int number = pipe.writing.get();
  pipe.writing.reset();
  EXPECT_EQ(waiter.wait_until(in_seconds(kPatience_s), {-1, number}), Wake::output_closed);
}

TEST(SignalWaiter, InputWakes) {
  SignalWaiter waiter;
  Pipe pipe = make_pipe();
  EXPECT_EQ(waiter.wait_until(0, {pipe.reading.get(), -1}), Wake::deadline);
  ASSERT_EQ(::write(pipe.writing.get(), "x", 1), 1);
  EXPECT_EQ(waiter.wait_until(in_seconds(kPatience_s), {pipe.reading.get(), -1}), Wake::input);
}

TEST(SignalWaiter, PutsTheEarlierHandlersBack) {
  ::signal(SIGTERM, SIG_IGN);
  { SignalWaiter waiter; }
  EXPECT_EQ(::signal(SIGTERM, SIG_DFL), SIG_IGN);
}

TEST(SignalWaiter, AHangupThatWasIgnoredStaysIgnored) {
  ::signal(SIGHUP, SIG_IGN);
  {
    SignalWaiter waiter;
    ::raise(SIGHUP);
    EXPECT_FALSE(waiter.interrupted());
  }
  ::signal(SIGHUP, SIG_DFL);
}

TEST(SignalWaiter, TheSecondInterruptLeavesAtOnceAndRestoresTheTerminal) {
  const Pipe pipe = make_pipe();
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe.writing.get(), STDOUT_FILENO);
    SignalWaiter waiter;
    waiter.set_emergency_text("goodbye");
    ::raise(SIGINT);
    ::raise(SIGINT);
    ::_exit(1);  // not reached
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  std::array<char, 16> text{};
  EXPECT_EQ(::read(pipe.reading.get(), text.data(), text.size()), 7);
  EXPECT_STREQ(text.data(), "goodbye");
}

TEST(SignalWaiter, InterruptsItselfWhenAsked) {
  SignalWaiter waiter;
  waiter.interrupt();
  EXPECT_EQ(waiter.wait_until(in_seconds(kPatience_s)), Wake::interrupted);
  EXPECT_EQ(waiter.signal_number(), SIGINT);
}

}  // namespace
}  // namespace isotach
