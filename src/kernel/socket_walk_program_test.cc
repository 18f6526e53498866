#include "kernel/socket_walk_program.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "kernel/socket.h"

namespace isotach::kernel {
namespace {

// A listener, and a connection of which one end has written 1000 bytes that the other has not read.
class Pair {
 public:
  explicit Pair(const char* host) {
    const auto addresses = resolve(host, 0, IpFamily::any, true);
    if (!addresses) return;
    auto listener = listen_tcp(addresses->front());
    if (!listener) return;  // a host without IPv6
    listener_ = std::move(*listener);
    const SocketAddress address = local_address(listener_.get());
    port = address.port();
    auto client = new_socket(address, Transport::tcp);
    EXPECT_TRUE(client && begin_connect(client->get(), address));
    client_ = std::move(*client);
    SocketAddress peer;
    while (!server_.is_open()) {
      auto accepted = accept_next(listener_.get(), peer);
      if (!accepted) return;
      if (*accepted) server_ = std::move(**accepted);
    }
    const std::string data(1000, 'x');
    EXPECT_EQ(::send(client_.get(), data.data(), data.size(), 0), 1000);
    // Until it is acknowledged, after which nothing changes any more.
    for (int waiting = 1; waiting > 0;)
      if (::ioctl(client_.get(), SIOCOUTQ, &waiting) != 0) return;
  }
  // Leaves it in other states on both sides; waits until the other side has acknowledged that.
  void close_half() {
    ::shutdown(client_.get(), SHUT_WR);
    tcp_info info{};
    while (info.tcpi_state != TCP_FIN_WAIT2) {
      socklen_t size = sizeof info;
      if (::getsockopt(client_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return;
    }
  }
  void close_both() {
    close_half();
    std::string unread(1000, ' ');  // with that it would be torn down
    EXPECT_EQ(::recv(server_.get(), unread.data(), unread.size(), MSG_WAITALL), 1000);
    server_.reset();
    client_.reset();
  }

  std::uint16_t port = 0;

 private:
  Fd listener_, client_, server_;
};

class SocketWalkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto loaded = SocketWalk::load();
    if (!loaded) GTEST_SKIP() << loaded.error().message();
    walk_ = std::move(*loaded);
  }

  std::unique_ptr<SocketWalk> walk_;
};

// Those that have one of the ports, by their names.
std::map<std::uint64_t, SocketEntry> of_ports(const std::vector<SocketEntry>& sockets,
                                              const std::vector<std::uint16_t>& ports) {
  std::map<std::uint64_t, SocketEntry> found;
  for (const SocketEntry& one : sockets)
    if (std::count(ports.begin(), ports.end(), one.local_port) +
            std::count(ports.begin(), ports.end(), one.remote_port) >
        0)
      found.emplace(one.cookie, one);
  return found;
}

TEST_F(SocketWalkTest, TellsWhatTheListOfTheKernelTells) {
  std::vector<Pair> pairs;
  std::vector<std::uint16_t> ports;
  for (const char* host : {"127.0.0.1", "::1", "::ffff:127.0.0.1"})
    ports.push_back(pairs.emplace_back(host).port);
  for (int i = 0; i < 2; ++i) ports.push_back(pairs.emplace_back("127.0.0.1").port);
  pairs[3].close_half();
  pairs[4].close_both();
  std::erase(ports, 0);

  auto netlink = NetlinkSocket::open(NETLINK_SOCK_DIAG);
  ASSERT_TRUE(netlink);
  std::vector<SocketEntry> listed;
  ASSERT_TRUE(list_sockets(*netlink, IPPROTO_TCP, listed));
  std::vector<SocketEntry> walked;
  ASSERT_TRUE(walk_->list(walked));
  const auto told = of_ports(listed, ports);
  const auto seen = of_ports(walked, ports);
  EXPECT_GE(told.size(), 6U);
  ASSERT_EQ(told.size(), seen.size());
  for (const auto& [cookie, one] : told) {
    const auto found = seen.find(cookie);
    ASSERT_NE(found, seen.end());
    const SocketEntry& other = found->second;
    SCOPED_TRACE(tcp_state_name(one.state));
    EXPECT_EQ(one.local, other.local);
    EXPECT_EQ(one.remote, other.remote);
    EXPECT_EQ(one.local_port, other.local_port);
    EXPECT_EQ(one.remote_port, other.remote_port);
    EXPECT_EQ(one.ip_version, other.ip_version);
    EXPECT_EQ(one.state, other.state);
    EXPECT_EQ(one.inode, other.inode);
    EXPECT_EQ(one.user, other.user);
    if (one.state == kTcpListening) continue;
    EXPECT_EQ(one.receive_queue, other.receive_queue);
    EXPECT_EQ(one.send_queue, other.send_queue);
    EXPECT_EQ(one.send_buffer, other.send_buffer);
    EXPECT_EQ(one.send_buffer_used, other.send_buffer_used);
    ASSERT_EQ(one.tcp.has_value(), other.tcp.has_value());
    if (!one.tcp) continue;
    EXPECT_EQ(one.tcp->rtt_us, other.tcp->rtt_us);
    EXPECT_EQ(one.tcp->least_rtt_us, other.tcp->least_rtt_us);
    EXPECT_EQ(one.tcp->bytes_in, other.tcp->bytes_in);
    EXPECT_EQ(one.tcp->bytes_out, other.tcp->bytes_out);
    EXPECT_EQ(one.tcp->segments_in, other.tcp->segments_in);
    EXPECT_EQ(one.tcp->segments_out, other.tcp->segments_out);
    EXPECT_EQ(one.tcp->mss, other.tcp->mss);
    EXPECT_EQ(one.tcp->window_segments, other.tcp->window_segments);
    EXPECT_EQ(one.tcp->threshold_segments, other.tcp->threshold_segments);
    EXPECT_EQ(one.tcp->in_flight_segments, other.tcp->in_flight_segments);
    EXPECT_EQ(one.tcp->peer_window, other.tcp->peer_window);
    EXPECT_EQ(one.tcp->delivery_rate, other.tcp->delivery_rate);
    EXPECT_EQ(one.tcp->retransmits, other.tcp->retransmits);
    // Busy until it was acknowledged, for less than a tick.
    EXPECT_EQ(one.tcp->window_limited_us, other.tcp->window_limited_us);
    EXPECT_EQ(one.tcp->buffer_limited_us, other.tcp->buffer_limited_us);
  }
}

TEST_F(SocketWalkTest, FindsOurOwnSocket) {
  const Pair pair("127.0.0.1");
  std::vector<SocketEntry> walked;
  ASSERT_TRUE(walk_->list(walked));
  const auto ours = std::find_if(walked.begin(), walked.end(), [&](const SocketEntry& one) {
    return one.state == kTcpListening && one.local_port == pair.port;
  });
  ASSERT_NE(ours, walked.end());
  const auto holders = walk_->holders();
  ASSERT_TRUE(holders);
  ASSERT_TRUE(holders->contains(ours->inode));
  EXPECT_EQ(holders->at(ours->inode), static_cast<std::uint32_t>(::getpid()));
}

}  // namespace
}  // namespace isotach::kernel
