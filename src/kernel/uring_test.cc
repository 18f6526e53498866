#include "kernel/uring.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <string>

#include "kernel/uring_buffers.h"

namespace isotach::kernel {
namespace {

constexpr std::int64_t kLimitNs = 10'000'000'000;

TEST(Uring, TakesTheResultsOfLinkedCalls) {
  auto ring = Uring::create(8);
  if (!ring) GTEST_SKIP() << ring.error().message();
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const Fd left(ends[0]);
  const Fd right(ends[1]);
  std::array<char, 3> out = {'a', 'b', 'c'};
  std::array<char, 3> in{};
  io_uring_sqe* send = ring->next();
  ASSERT_NE(send, nullptr);
  send->opcode = IORING_OP_SEND;
  send->fd = left.get();
  send->addr = reinterpret_cast<std::uint64_t>(out.data());
  send->len = out.size();
  send->flags = IOSQE_IO_LINK;
  send->user_data = 1;
  io_uring_sqe* receive = ring->next();
  ASSERT_NE(receive, nullptr);
  receive->opcode = IORING_OP_RECV;
  receive->fd = right.get();
  receive->addr = reinterpret_cast<std::uint64_t>(in.data());
  receive->len = in.size();
  receive->user_data = 2;
  ASSERT_EQ(ring->enter(2, kLimitNs), 0);
  std::map<std::uint64_t, int> results;
  ring->take([&](std::uint64_t which, int result, unsigned) { results[which] = result; });
  EXPECT_EQ(results, (std::map<std::uint64_t, int>{{1, 3}, {2, 3}}));
  EXPECT_EQ(in, out);
}

TEST(Uring, HasRoomForSoManyCalls) {
  auto ring = Uring::create(4);
  if (!ring) GTEST_SKIP() << ring.error().message();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) {
      io_uring_sqe* nothing = ring->next();
      ASSERT_NE(nothing, nullptr);
      nothing->opcode = IORING_OP_NOP;
    }
    EXPECT_EQ(ring->next(), nullptr);
    ASSERT_EQ(ring->enter(4, kLimitNs), 0);
    EXPECT_EQ(ring->take([](std::uint64_t, int, unsigned) {}), 4U);
  }
}

TEST(Uring, ThatTimeIsUpIsNoError) {
  auto ring = Uring::create(4);
  if (!ring) GTEST_SKIP() << ring.error().message();
  EXPECT_EQ(ring->enter(1, 1'000'000), 0);
  EXPECT_EQ(ring->take([](std::uint64_t, int, unsigned) {}), 0U);
}

TEST(Uring, OneCallTakesAllMessagesIntoBuffersThatComeBack) {
  auto ring = Uring::create(8);
  if (!ring) GTEST_SKIP() << ring.error().message();
  auto buffers = UringBuffers::lend(*ring, 2, 8);
  ASSERT_TRUE(buffers) << buffers.error().message();
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()), 0);
  const Fd left(ends[0]);
  const Fd right(ends[1]);
  ASSERT_EQ(ring->register_files(std::array{right.get()}), 0);
  io_uring_sqe* receive = ring->next();
  ASSERT_NE(receive, nullptr);
  receive->opcode = IORING_OP_RECV;
  receive->fd = 0;  // the first that was registered
  receive->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  receive->ioprio = IORING_RECV_MULTISHOT;
  receive->user_data = 7;
  std::string heard;
  // More than there are buffers: each has to come back.
  for (const std::string message : {"one", "two", "three", "four", "five"}) {
    ASSERT_EQ(::send(left.get(), message.data(), message.size(), 0), static_cast<ssize_t>(message.size()));
    ASSERT_EQ(ring->enter(1, kLimitNs), 0);
    ASSERT_EQ(ring->take([&](std::uint64_t which, int result, unsigned flags) {
      EXPECT_EQ(which, 7U);
      ASSERT_GT(result, 0);
      EXPECT_NE(flags & IORING_CQE_F_MORE, 0U);
      heard += std::string(buffers->filled(result, flags)) + " ";
      buffers->take_back(flags);
    }),
              1U);
  }
  EXPECT_EQ(heard, "one two three four five ");
}

TEST(Uring, TakesNoFilesThatAreNotOpen) {
  auto ring = Uring::create(4);
  if (!ring) GTEST_SKIP() << ring.error().message();
  EXPECT_EQ(ring->register_files(std::array{1 << 20}), EBADF);
}

}  // namespace
}  // namespace isotach::kernel
