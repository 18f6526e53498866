#include "network/connections/live_sockets.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "kernel/socket.h"

namespace isotach::network {
namespace {

class LiveSocketsTest : public ::testing::TestWithParam<std::size_t> {};

// However few there are, and however many: with the lists of the kernel, and where it is allowed with BPF.
TEST_P(LiveSocketsTest, SeesOurOwnAndWhoHoldsIt) {
  const auto addresses = kernel::resolve("127.0.0.1", 0, kernel::IpFamily::v4, true);
  ASSERT_TRUE(addresses);
  auto sockets = LiveSockets::open(kernel::SystemRoot(), true, GetParam());
  ASSERT_TRUE(sockets);
  ManualClock clock({kNanosecondsPerSecond, 0});
  ASSERT_TRUE(sockets->look(clock));
  EXPECT_EQ(sockets->holders_version(), 1U);
  const auto listener = kernel::listen_tcp(addresses->front());
  ASSERT_TRUE(listener);
  const std::uint16_t port = kernel::local_address(listener->get()).port();
  const auto ours = [&] {
    return std::find_if(sockets->all().begin(), sockets->all().end(), [&](const kernel::SocketEntry& one) {
      return one.state == kernel::kTcpListening && one.local_port == port;
    });
  };
  ASSERT_TRUE(sockets->look(clock));
  ASSERT_NE(ours(), sockets->all().end());
  EXPECT_EQ(sockets->holders_version(), 1U) << "it is too soon to look again";
  EXPECT_FALSE(sockets->holders().contains(ours()->inode));
  clock.advance_ns(10 * kNanosecondsPerSecond);
  while (sockets->holders_version() == 1) ASSERT_TRUE(sockets->look(clock));
  ASSERT_NE(ours(), sockets->all().end());
  ASSERT_TRUE(sockets->holders().contains(ours()->inode));
  EXPECT_EQ(sockets->holders().at(ours()->inode), static_cast<std::uint32_t>(::getpid()));
}

INSTANTIATE_TEST_SUITE_P(FewAndMany, LiveSocketsTest, ::testing::Values(0, LiveSockets::kManySockets));

TEST(LiveSockets, LoadsNothingForOneLook) {
  auto sockets = LiveSockets::open(kernel::SystemRoot(), false, 0);
  ASSERT_TRUE(sockets);
  ManualClock clock({kNanosecondsPerSecond, 0});
  ASSERT_TRUE(sockets->look(clock));
  EXPECT_FALSE(sockets->walks());
}

}  // namespace
}  // namespace isotach::network
