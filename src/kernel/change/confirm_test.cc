#include "kernel/change/confirm.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <thread>

namespace isotach::kernel {
namespace {

bool becomes_readable(int fd) {
  pollfd wanted{fd, POLLIN, 0};
  return ::poll(&wanted, 1, 10000) == 1;
}

TEST(Confirm, ReachesTheOneThatWaitsAndBringsItsAnswer) {
  auto listener = ConfirmListener::open();
  ASSERT_TRUE(listener);
  EXPECT_EQ(listener->take(), ConfirmListener::Event::none);
  Result<std::string> answer = failure(ErrorKind::failed, "none");
  std::thread other([&] { answer = confirm_change(::getpid()); });
  ASSERT_TRUE(becomes_readable(listener->fd()));
  EXPECT_EQ(listener->take(), ConfirmListener::Event::confirmed);
  listener->answer("kept");
  other.join();
  EXPECT_EQ(answer, "kept");
}

TEST(Confirm, FailsWhereNobodyWaits) {
  const auto answer = confirm_change(::getpid());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().errno_value, ECONNREFUSED);
}

TEST(Confirm, HearsTheTerminalAndThatItIsGone) {
  auto listener = ConfirmListener::open();
  ASSERT_TRUE(listener);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  ASSERT_TRUE(listener->watch_input(reading.get()));
  ASSERT_EQ(::write(writing.get(), "\n", 1), 1);
  ASSERT_TRUE(becomes_readable(listener->fd()));
  EXPECT_EQ(listener->take(), ConfirmListener::Event::input);
  writing.reset();
  EXPECT_EQ(listener->take(), ConfirmListener::Event::none) << "a closed terminal confirms nothing";
  pollfd quiet{listener->fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&quiet, 1, 0), 0);
}

}  // namespace
}  // namespace isotach::kernel
