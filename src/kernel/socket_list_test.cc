#include "kernel/socket_list.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/fd.h"
#include "kernel/netlink_fixture.h"
#include "kernel/socket.h"

namespace isotach::kernel {
namespace {

std::string answer(std::uint8_t family, const char* local, const char* remote) {
  inet_diag_msg message{};
  message.idiag_family = family;
  message.idiag_state = 1;
  message.id.idiag_sport = htons(443);
  message.id.idiag_dport = htons(50000);
  message.idiag_inode = 77;
  ::inet_pton(family, local, message.id.idiag_src);
  ::inet_pton(family, remote, message.id.idiag_dst);
  return {reinterpret_cast<const char*>(&message), sizeof message};
}

TEST(SocketList, ReadsAConnection) {
  tcp_info info{};
  info.tcpi_rtt = 1500;
  info.tcpi_total_retrans = 3;
  info.tcpi_segs_in = 10;
  const std::string_view bytes(reinterpret_cast<const char*>(&info), sizeof info);
  const auto entry = parse_socket_entry(
      answer(AF_INET, "10.0.0.1", "10.0.0.2") + attribute(INET_DIAG_INFO, bytes), IPPROTO_TCP);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->ip_version, 4);
  EXPECT_EQ(entry->local[3], 1);
  EXPECT_EQ(entry->local_port, 443);
  EXPECT_EQ(entry->remote_port, 50000);
  EXPECT_EQ(entry->inode, 77U);
  ASSERT_TRUE(entry->tcp);
  EXPECT_EQ(entry->tcp->rtt_us, 1500U);
  EXPECT_EQ(entry->tcp->retransmits, 3U);
  EXPECT_EQ(entry->tcp->segments_in, 10U);
}

TEST(SocketList, AnIpv4AddressInTheClothesOfIpv6IsOne) {
  const auto entry = parse_socket_entry(answer(AF_INET6, "::ffff:10.0.0.1", "::ffff:10.0.0.2"), IPPROTO_TCP);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->ip_version, 4);
  EXPECT_EQ(entry->remote[0], 10);
  EXPECT_EQ(entry->remote[3], 2);
  EXPECT_EQ(parse_socket_entry(answer(AF_INET6, "fd00::1", "fd00::2"), IPPROTO_TCP)->ip_version, 6);
}

TEST(SocketList, RefusesWhatIsNoSocket) {
  EXPECT_FALSE(parse_socket_entry("", IPPROTO_TCP));
  EXPECT_FALSE(parse_socket_entry(std::string(sizeof(inet_diag_msg), '\0'), IPPROTO_TCP));
  EXPECT_FALSE(parse_socket_entry(answer(AF_INET, "1.2.3.4", "1.2.3.4").substr(0, 20), IPPROTO_TCP));
}

TEST(SocketList, FindsOurOwnSocket) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_GE(fd, 0);
  const Fd owned(fd);
  char target[64] = {};
  const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target, sizeof target - 1);
  ASSERT_GT(size, 9);
  const auto inode = static_cast<std::uint32_t>(std::stoul(std::string(target + 8)));
  const auto holders = find_socket_holders(SystemRoot());
  const auto found = holders.find(inode);
  ASSERT_NE(found, holders.end());
  EXPECT_EQ(found->second, static_cast<std::uint32_t>(::getpid()));
}

// Both families in one list, each socket once.
TEST(SocketList, VisitsWhatListensOverBothFamilies) {
  std::vector<Fd> owned;
  std::vector<std::uint16_t> ports;
  for (const char* host : {"127.0.0.1", "::1"}) {
    const auto addresses = resolve(host, 0, IpFamily::any, true);
    ASSERT_TRUE(addresses);
    auto listener = listen_tcp(addresses->front());
    if (!listener) continue;  // a host without IPv6
    ports.push_back(local_address(listener->get()).port());
    owned.push_back(std::move(*listener));
  }
  auto socket = NetlinkSocket::open(NETLINK_SOCK_DIAG);
  ASSERT_TRUE(socket);
  const auto count = [&](const SocketQuery& query) {
    std::vector<int> seen(ports.size());
    const auto visited = visit_sockets(*socket, query, [&](const SocketEntry& entry) {
      const auto port = std::find(ports.begin(), ports.end(), entry.local_port);
      if (port != ports.end() && entry.state == kTcpListening)
        ++seen[static_cast<std::size_t>(port - ports.begin())];
    });
    EXPECT_TRUE(visited);
    return seen;
  };
  EXPECT_EQ(count({.protocol = IPPROTO_TCP}), std::vector<int>(ports.size(), 1));
  EXPECT_EQ(count({.protocol = IPPROTO_TCP, .states = kTransferStates, .memory = false}),
            std::vector<int>(ports.size(), 0));
}

}  // namespace
}  // namespace isotach::kernel
