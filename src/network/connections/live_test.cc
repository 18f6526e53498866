#include "network/connections/live.h"

#include <gtest/gtest.h>

#include <vector>

namespace isotach::network {
namespace {

kernel::SocketEntry some_socket() {
  kernel::SocketEntry socket;
  socket.state = kernel::kTcpEstablished;
  socket.cookie = 7;
  socket.tcp.emplace();
  socket.tcp->rtt_us = 10'000;
  socket.tcp->least_rtt_us = 10'000;
  socket.tcp->mss = 1448;
  socket.tcp->peer_window = 65536;
  socket.tcp->window_segments = 20;
  socket.tcp->threshold_segments = 10;
  return socket;
}

Limit limit_of(const kernel::SocketEntry& socket, std::uint64_t busy_us, std::uint64_t window_us = 0,
               std::uint64_t buffer_us = 0, std::uint64_t retransmitted = 0) {
  LiveConnection one;
  one.socket = socket;
  one.sent_rate = 1;
  one.retransmitted = retransmitted;
  judge_live(one, 1'000'000, busy_us, window_us, buffer_us);
  EXPECT_TRUE(one.limit.has_value());
  EXPECT_FALSE(one.why.empty());
  return one.limit.value_or(Limit::loss);
}

TEST(LiveConnections, JudgesByTheTimesOfTheKernel) {
  kernel::SocketEntry socket = some_socket();
  EXPECT_EQ(limit_of(socket, 100'000), Limit::sender_application);
  EXPECT_EQ(limit_of(socket, 1'000'000, 900'000), Limit::receiver_window);
  EXPECT_EQ(limit_of(socket, 1'000'000, 0, 800'000), Limit::send_buffer);
  EXPECT_EQ(limit_of(socket, 1'000'000, 0, 0, 3), Limit::loss);
  EXPECT_EQ(limit_of(socket, 1'000'000), Limit::congestion_window);
  socket.send_buffer = 90'000;
  socket.send_buffer_used = 70'000;
  EXPECT_EQ(limit_of(socket, 1'000'000), Limit::send_buffer);
  socket.send_buffer_used = 0;
  socket.tcp->threshold_segments = 0x7fff'ffff;
  EXPECT_EQ(limit_of(socket, 1'000'000), Limit::slow_start);
  socket.tcp->rtt_us = 30'000;
  EXPECT_EQ(limit_of(socket, 1'000'000), Limit::path_capacity);
  socket.tcp->peer_window = 0;
  EXPECT_EQ(limit_of(socket, 1'000'000, 900'000), Limit::receiver_application);
}

TEST(LiveConnections, ReckonsRatesBetweenTwoLists) {
  LiveConnections live;
  std::vector<kernel::SocketEntry> sockets = {some_socket()};
  sockets.push_back(sockets[0]);
  sockets[1].state = kernel::kTcpListening;
  live.update(sockets, 1'000'000'000);
  ASSERT_EQ(live.all().size(), 1u);
  EXPECT_FALSE(live.has_rates());
  EXPECT_EQ(live.all()[0].rate(), 0);
  sockets[0].tcp->bytes_out += 3000;
  sockets[0].tcp->bytes_in += 500;
  sockets[0].tcp->retransmits += 2;
  sockets[0].tcp->busy_us += 500'000;
  live.update(sockets, 1'500'000'000);
  EXPECT_EQ(live.all()[0].sent_rate, 6000);
  EXPECT_EQ(live.all()[0].received_rate, 1000);
  EXPECT_EQ(live.all()[0].retransmitted, 2u);
  EXPECT_EQ(live.all()[0].limit, Limit::loss);
  // A socket that does nothing is not judged.
  live.update(sockets, 2'000'000'000);
  EXPECT_FALSE(live.all()[0].limit.has_value());
}

}  // namespace
}  // namespace isotach::network
