#include "network/path/probe_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "network/path/estimate.h"

namespace isotach::path {
namespace {

kernel::SocketAddress loopback() {
  const auto addresses = kernel::resolve("127.0.0.1", 0, kernel::IpFamily::v4, true);
  EXPECT_TRUE(addresses && !addresses->empty());
  return addresses->front();
}

// Both ends on this host.
struct Ends {
  explicit Ends(std::uint64_t receive_bytes)
      : from(ProbeSocket::open(loopback())), to(ProbeSocket::open(loopback(), receive_bytes)) {
    EXPECT_TRUE(from && to);
    EXPECT_TRUE(from->connect(kernel::local_address(to->fd())));
  }
  Result<ProbeSocket> from, to;
};

TEST(PathProbeSocket, WhatTheSocketHasNoRoomForIsCountedEvenWithoutALaterPacket) {
  Ends ends(4096);
  constexpr std::uint32_t kCount = 300;
  const auto sent = ends.from->send_stream({1, 1000, kCount, 0, 0}, 7);
  ASSERT_TRUE(sent);
  StreamRecord record;
  record.sent_ns = *sent;
  ends.to->receive([&](const ReceivedProbe& received) {
    record.arrivals.push_back({received.probe.sequence, received.stamp_ns, received.tos});
  });
  Losses losses;
  count_losses(record, losses);
  EXPECT_GT(losses.arrived, 0U);
  EXPECT_GT(ends.to->dropped(), 0U);
  EXPECT_EQ(losses.lost, ends.to->dropped());
}

TEST(PathProbeSocket, TrainsAreNumberedOn) {
  Ends ends(ProbeSocket::kReceiveBytes);
  const auto sent = ends.from->send_trains({1, 100, 5, 0, 0}, 4, 1e5, 7, [] { return true; });
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->size(), 20U);
  std::uint32_t next = 0;
  ends.to->receive([&](const ReceivedProbe& received) {
    EXPECT_EQ(received.probe.sequence, next++);
    EXPECT_EQ(received.size, 100U);
  });
  EXPECT_EQ(next, 20U);
  EXPECT_EQ(ends.to->dropped(), 0U);
  int rounds = 0;
  EXPECT_EQ(ends.from->send_trains({2, 100, 5, 0, 0}, 4, 0, 7, [&] { return rounds++ < 2; })->size(), 10U);
}

TEST(PathLeaveStamps, TheKernelKnowsBetterThanWeWhenAPacketLeft) {
  Ends ends(ProbeSocket::kReceiveBytes);
  const int fd = ends.from->fd();
  LeaveStamps stamps;
  for (int stream = 0; stream < 2; ++stream) {  // numbered anew each time
    constexpr std::int64_t kWrongNs = 50'000'000;
    stamps.begin(fd);
    std::vector<std::int64_t> times, before;
    for (std::size_t i = 0; i < 3; ++i) {
      before.push_back(wall_ns());
      times.push_back(before.back() - kWrongNs);
      times.push_back(times.back() + 1000);
      SendControl control;
      stamps.ask(control);
      msghdr message{};
      control.give_to(message);
      ASSERT_EQ(::sendmsg(fd, &message, 0), 0);
      stamps.sent(2 * i, 2 * i + 2);
    }
    stamps.take(fd, times);
    const std::int64_t after = wall_ns();
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_GE(times[2 * i], before[i]);
      EXPECT_LE(times[2 * i], after);
      EXPECT_EQ(times[2 * i + 1] - times[2 * i], 1000);
    }
  }
  EXPECT_EQ(kernel::connection_error(fd), 0);
}

}  // namespace
}  // namespace isotach::path
