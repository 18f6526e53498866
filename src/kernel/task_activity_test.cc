#include "kernel/task_activity.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "base/fd.h"

namespace isotach::kernel {
namespace {

Activity activity(char state, std::int64_t call, const char* descriptor) {
  return classify_task(state, SystemCall{call, 3}, descriptor).activity;
}

TEST(TaskActivity, TheCallAndItsDescriptorTell) {
  EXPECT_EQ(activity('S', SYS_write, "socket:[7]"), Activity::socket_write);
  EXPECT_EQ(activity('S', SYS_sendto, "socket:[7]"), Activity::socket_write);
  EXPECT_EQ(activity('S', SYS_read, "socket:[7]"), Activity::socket_read);
  EXPECT_EQ(activity('S', SYS_read, "/var/lib/file"), Activity::disk);
  EXPECT_EQ(activity('D', SYS_read, "/dev/vda"), Activity::disk);
  EXPECT_EQ(activity('S', SYS_read, "/dev/pts/0"), Activity::pipe);
  EXPECT_EQ(activity('S', SYS_write, "pipe:[9]"), Activity::pipe);
  EXPECT_EQ(activity('D', SYS_fsync, "/var/lib/file"), Activity::disk);
  EXPECT_EQ(activity('S', SYS_ppoll, ""), Activity::readiness);
  EXPECT_EQ(activity('S', SYS_clock_nanosleep, ""), Activity::timed);
  EXPECT_EQ(activity('S', SYS_futex, ""), Activity::lock);
  EXPECT_EQ(activity('S', SYS_wait4, ""), Activity::child);
  EXPECT_EQ(classify_task('R', std::nullopt, "").activity, Activity::running);
  EXPECT_EQ(classify_task('D', std::nullopt, "").activity, Activity::disk) << "a page fault";
  EXPECT_EQ(classify_task('S', SystemCall{SYS_write, 3}, "socket:[123]").socket, 123U);
}

TEST(TaskActivity, LinesOfTheKernel) {
  const auto call = parse_syscall_line("7 0x7ffd 0x1 0x2 0x3 0x4 0x5 0x7ffd00 0x7f00\n");
  ASSERT_TRUE(call);
  EXPECT_EQ(call->number, 7);
  EXPECT_EQ(call->first_argument, 0x7ffdU);
  EXPECT_FALSE(parse_syscall_line("running"));
  EXPECT_FALSE(parse_syscall_line("-1 0x7ffd00 0x7f00"));
  EXPECT_FALSE(parse_syscall_line(""));
  EXPECT_FALSE(parse_syscall_line("0 x"));
}

TEST(TaskActivity, AThreadThatReadsFromASocketIsSeen) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  std::thread reader([&] {
    char byte = 0;
    static_cast<void>(!::read(theirs.get(), &byte, 1));
  });
  const auto waits = [] {
    const auto tasks = read_task_activity(SystemRoot(), ::getpid());
    return std::any_of(tasks.begin(), tasks.end(),
                       [](const TaskActivity& task) { return task.activity == Activity::socket_read; });
  };
  // Where another process may not be looked at, we may still look at ourselves.
  constexpr int kLooks = 1'000'000;
  int looks = 0;
  while (!waits() && looks < kLooks) ++looks;
  EXPECT_LT(looks, kLooks);
  const auto sockets = sockets_of(SystemRoot(), ::getpid());
  EXPECT_GE(sockets.size(), 2U);
  EXPECT_FALSE(holders_of(SystemRoot(), sockets)[sockets.front()].empty());
  ASSERT_EQ(::write(ours.get(), "x", 1), 1);
  reader.join();
}

}  // namespace
}  // namespace isotach::kernel
