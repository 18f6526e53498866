#include "network/connections/busy_connections.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "kernel/socket.h"

namespace isotach::network {
namespace {

kernel::SocketEntry socket_that_moved(std::uint64_t cookie, std::uint64_t out, std::uint64_t in) {
  kernel::SocketEntry socket;
  socket.cookie = cookie;
  socket.tcp.emplace();
  socket.tcp->bytes_out = out;
  socket.tcp->bytes_in = in;
  return socket;
}

TEST(ListedConnections, TellsWhatMovedBetweenTwoLists) {
  ListedConnections listed;
  listed.begin();
  EXPECT_EQ(listed.update(socket_that_moved(1, 1000, 50)).out, 0U) << "since when is not known";
  static_cast<void>(listed.update(socket_that_moved(2, 5, 5)));
  listed.end();
  listed.begin();
  const auto moved = listed.update(socket_that_moved(1, 1700, 60));
  EXPECT_EQ(moved.out, 700U);
  EXPECT_EQ(moved.in, 10U);
  listed.end();
  EXPECT_EQ(listed.size(), 1U) << "the other one is gone";
  listed.begin();
  EXPECT_EQ(listed.update(socket_that_moved(1, 3, 60)).out, 0U) << "a counter that went back";
  listed.end();
}

// Two ends on loopback, of which one sends.
class BusyConnectionsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto addresses = kernel::resolve("127.0.0.1", 0, kernel::IpFamily::v4, true);
    ASSERT_TRUE(addresses);
    auto listener = kernel::listen_tcp(addresses->front());
    ASSERT_TRUE(listener);
    const auto address = kernel::local_address(listener->get());
    auto sender = kernel::new_socket(address, kernel::Transport::tcp);
    ASSERT_TRUE(sender);
    sender_ = std::move(*sender);
    ASSERT_TRUE(kernel::begin_connect(sender_.get(), address));
    kernel::SocketAddress peer;
    for (;;) {
      auto accepted = kernel::accept_next(listener->get(), peer);
      ASSERT_TRUE(accepted);
      if (!*accepted) continue;
      receiver_ = std::move(**accepted);
      break;
    }
    port_ = kernel::local_address(sender_.get()).port();
    auto opened = BusyConnections::open(kernel::SystemRoot(), {});
    ASSERT_TRUE(opened) << opened.error().message();
    busy_.emplace(std::move(*opened));
  }

  void send() {
    static const std::string kText(65536, 'x');
    std::array<char, 65536> buffer{};
    static_cast<void>(::write(sender_.get(), kText.data(), kText.size()));
    static_cast<void>(::read(receiver_.get(), buffer.data(), buffer.size()));
  }
  const TransferTrace* watched(std::uint16_t local_port) const {
    const auto& all = busy_->traces();
    const auto found = std::find_if(all.begin(), all.end(), [&](const TransferTrace& trace) {
      return trace.socket.local_port == local_port;
    });
    return found == all.end() ? nullptr : &*found;
  }
  void list() {
    do {
      clock_.advance_ns(kWatchIntervalNs);
      const auto listed = busy_->step(clock_);
      ASSERT_TRUE(listed) << listed.error().message();
      if (*listed) return;
    } while (true);
  }

  ManualClock clock_{{1'000'000'000, 0}};
  Fd sender_, receiver_;
  std::uint16_t port_ = 0;
  std::optional<BusyConnections> busy_;
};

TEST_F(BusyConnectionsTest, TheSenderIsWatchedWithItsOtherEndForAsLongAsItSends) {
  constexpr int kLists = 50;  // acknowledgements may come late
  list();
  for (int i = 0; i < kLists && watched(port_) == nullptr; ++i) {
    send();
    list();
  }
  const TransferTrace* trace = watched(port_);
  ASSERT_NE(trace, nullptr);
  EXPECT_TRUE(trace->other_end_here);
  EXPECT_EQ(watched(trace->socket.remote_port), nullptr) << "that is its other end";
  EXPECT_GE(busy_->count(), 2U);
  send();
  list();
  trace = watched(port_);
  ASSERT_NE(trace, nullptr);
  EXPECT_GE(trace->moments.size(), 20U);
  EXPECT_TRUE(trace->moments.back().theirs.has_value());
  EXPECT_EQ(trace->processes, std::vector<int>{::getpid()});
  for (int i = 0; i < kLists && watched(port_) != nullptr; ++i) list();
  EXPECT_EQ(watched(port_), nullptr) << "it rests";
}

TEST_F(BusyConnectionsTest, OnlyTheLastSecondsAreRemembered) {
  list();
  for (int i = 0; i < 12; ++i) {
    send();
    list();
  }
  const TransferTrace* trace = watched(port_);
  ASSERT_NE(trace, nullptr);
  EXPECT_LE(trace->seconds(), 8.1) << "six, and what came since the last list";
}

}  // namespace
}  // namespace isotach::network
