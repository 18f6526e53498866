#include "kernel/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "base/fd.h"

namespace isotach::kernel {
namespace {

class ChildTest : public ::testing::Test {
 protected:
  // No child is left, ended or not.
  void TearDown() override { EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1); }

  SignalWaiter waiter_;
};

TEST_F(ChildTest, ReportsTheExitCode) {
  auto child = ChildProcess::start({"sh", "-c", "exit 3"}, waiter_);
  ASSERT_TRUE(child);
  const ChildEnd end = child->wait();
  EXPECT_FALSE(end.by_signal);
  EXPECT_EQ(end.number, 3);
}

TEST_F(ChildTest, ReportsTheSignal) {
  auto child = ChildProcess::start({"sh", "-c", "kill -9 $$"}, waiter_);
  ASSERT_TRUE(child);
  const ChildEnd end = child->wait();
  EXPECT_TRUE(end.by_signal);
  EXPECT_EQ(end.number, SIGKILL);
}

TEST_F(ChildTest, SaysWhatCannotBeStarted) {
  const auto missing = ChildProcess::start({"isotach-no-such-program"}, waiter_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message(), "there is no program 'isotach-no-such-program' in PATH");
  EXPECT_EQ(missing.error().kind, ErrorKind::failed);
  const auto folder = ChildProcess::start({"/tmp"}, waiter_);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().message(), "cannot start '/tmp': Permission denied");
}

TEST_F(ChildTest, FindProgramAgreesBeforehand) {
  EXPECT_TRUE(find_program("sh"));
  EXPECT_TRUE(find_program("/bin/sh"));
  EXPECT_FALSE(find_program(""));
  EXPECT_EQ(find_program("isotach-no-such-program").error().message(),
            "there is no program 'isotach-no-such-program' in PATH");
  EXPECT_EQ(find_program("./isotach-no-such-program").error().message(),
            "there is no file './isotach-no-such-program'");
  EXPECT_EQ(find_program("/tmp").error().message(), "cannot start '/tmp': Permission denied");
}

TEST_F(ChildTest, TheProgramHasTheSignalsWeWereStartedWith) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  auto child =
      ChildProcess::start({"sh", "-c", "grep SigIgn /proc/self/status"}, waiter_, {.output = writing.get()});
  ASSERT_TRUE(child);
  writing.reset();
  EXPECT_EQ(child->wait().number, 0);
  std::array<char, 64> text{};
  ASSERT_GT(::read(reading.get(), text.data(), text.size() - 1), 0);
  const unsigned long ignored = std::stoul(std::string(text.data()).substr(7), nullptr, 16);
  EXPECT_EQ(ignored & (1ul << (SIGPIPE - 1)), 0u) << text.data();
}

TEST_F(ChildTest, ReadsWhatItIsGivenAndInheritsNothingElseWhereItIsAlone) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const Fd input(::memfd_create("input", MFD_CLOEXEC));
  ASSERT_TRUE(write_all(input.get(), "from the file\n"));
  ASSERT_EQ(::lseek(input.get(), 0, SEEK_SET), 0);
  const Fd leaking(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  auto child = ChildProcess::start({"sh", "-c", "cat; ls /proc/$$/fd"}, waiter_,
                                   {.input = input.get(), .output = writing.get(), .alone = true});
  ASSERT_TRUE(child);
  writing.reset();
  std::string text;
  std::array<char, 256> piece{};
  for (ssize_t got = 0; (got = ::read(reading.get(), piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(got));
  EXPECT_EQ(child->wait().number, 0);
  EXPECT_EQ(text, "from the file\n0\n1\n2\n");
}

TEST_F(ChildTest, StopsAProgramThatListens) {
  auto child = ChildProcess::start({"sleep", "1000"}, waiter_);
  ASSERT_TRUE(child);
  EXPECT_FALSE(child->has_ended());
  child->stop(SIGTERM);
  EXPECT_TRUE(child->has_ended());
  const ChildEnd end = child->wait();
  EXPECT_TRUE(end.by_signal);
  EXPECT_EQ(end.number, SIGTERM);
}

TEST_F(ChildTest, StopsOneThatDoesNot) {
  auto child = ChildProcess::start({"sh", "-c", "trap '' TERM INT; exec sleep 1000"}, waiter_);
  ASSERT_TRUE(child);
  // Until the trap is set.
  for (;;) {
    std::ifstream status("/proc/" + std::to_string(child->pid()) + "/status");
    std::string text((std::istreambuf_iterator<char>(status)), std::istreambuf_iterator<char>());
    const std::size_t at = text.find("SigIgn:\t");
    ASSERT_NE(at, std::string::npos);
    if ((std::stoul(text.substr(at + 8, 16), nullptr, 16) & (1ul << (SIGTERM - 1))) != 0) break;
  }
  child->stop(SIGTERM);
  const ChildEnd end = child->wait();
  EXPECT_TRUE(end.by_signal);
  EXPECT_EQ(end.number, SIGKILL);
}

TEST_F(ChildTest, AForgottenChildIsStopped) {
  pid_t pid = -1;
  {
    auto child = ChildProcess::start({"sleep", "1000"}, waiter_);
    ASSERT_TRUE(child);
    pid = child->pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST_F(ChildTest, PeakIsTheProgramsOwn) {
  auto small = ChildProcess::start({"true"}, waiter_);
  ASSERT_TRUE(small);
  const ChildEnd end = small->wait();
  // A small program would only show the size of this one.
  EXPECT_LT(end.peak_resident_kib.value_or(0), 100u * 1024);
  auto large = ChildProcess::start(
      {"sh", "-c", "head -c 80000000 /dev/zero | tail -c 80000000 | wc -c >/dev/null"}, waiter_);
  ASSERT_TRUE(large);
  const ChildEnd large_end = large->wait();
  ASSERT_TRUE(large_end.peak_resident_kib);
  EXPECT_GT(*large_end.peak_resident_kib, 70'000u);
}

}  // namespace
}  // namespace isotach::kernel
