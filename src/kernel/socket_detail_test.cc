#include "kernel/socket_detail.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <unistd.h>
#include <vector>

#include <cstring>
#include <string>

#include "kernel/netlink_fixture.h"
#include "kernel/socket.h"

namespace isotach::kernel {
namespace {

std::string head() {
  inet_diag_msg message{};
  message.idiag_family = AF_INET;
  message.idiag_rqueue = 11;
  message.idiag_wqueue = 22;
  message.idiag_inode = 77;
  return {reinterpret_cast<const char*>(&message), sizeof message};
}

TEST(SocketDetail, ReadsWhatNewerKernelsAdd) {
  // As long as that of Linux 6.7: snd_wnd is the last that older headers name.
  std::string bytes(248, '\0');
  tcp_info info{};
  info.tcpi_busy_time = 100;
  info.tcpi_notsent_bytes = 5;
  info.tcpi_options = TCPI_OPT_WSCALE;
  std::memcpy(bytes.data(), &info, std::min(sizeof info, bytes.size()));
  const std::uint32_t window = 65000;
  const std::uint16_t timeouts = 3;
  std::memcpy(bytes.data() + 232, &window, sizeof window);
  std::memcpy(bytes.data() + 240, &timeouts, sizeof timeouts);
  const std::uint32_t memory[9] = {1, 2, 3, 4, 5, 6, 0, 0, 0};
  const auto detail = parse_socket_detail(
      head() + attribute(INET_DIAG_INFO, bytes) +
      attribute(INET_DIAG_SKMEMINFO, std::string(reinterpret_cast<const char*>(memory), sizeof memory)) +
      attribute(INET_DIAG_CONG, std::string("cubic\0", 6)));
  ASSERT_TRUE(detail);
  EXPECT_EQ(detail->busy_us, 100U);
  EXPECT_EQ(detail->notsent_bytes, 5U);
  EXPECT_TRUE(detail->window_scaling);
  EXPECT_EQ(detail->receive_window_bytes, 65000U);
  EXPECT_EQ(detail->timeouts, 3U);
  EXPECT_EQ(detail->receive_memory, 1U);
  EXPECT_EQ(detail->receive_buffer, 2U);
  EXPECT_EQ(detail->send_buffer, 4U);
  EXPECT_EQ(detail->congestion_control, "cubic");
  EXPECT_EQ(detail->receive_queue, 11U);
  EXPECT_EQ(detail->inode, 77U);
}

TEST(SocketDetail, TheOldestKernelsTellLess) {
  const auto detail = parse_socket_detail(head() + attribute(INET_DIAG_INFO, std::string(104, '\1')));
  ASSERT_TRUE(detail);
  EXPECT_EQ(detail->busy_us, 0U);
  EXPECT_FALSE(parse_socket_detail(head() + attribute(INET_DIAG_INFO, std::string(50, '\1'))));
  EXPECT_FALSE(parse_socket_detail(head()));
  EXPECT_FALSE(parse_socket_detail("short"));
}

TEST(SocketDetail, AConnectionIsFoundByItsAddresses) {
  auto addresses = resolve("127.0.0.1", 0, IpFamily::v4, true);
  ASSERT_TRUE(addresses);
  auto listener = listen_tcp(addresses->front());
  ASSERT_TRUE(listener);
  auto client = new_socket(local_address(listener->get()), Transport::tcp);
  ASSERT_TRUE(client);
  ASSERT_TRUE(begin_connect(client->get(), local_address(listener->get())));
  auto socket = NetlinkSocket::open(NETLINK_SOCK_DIAG);
  ASSERT_TRUE(socket);
  SocketEntry which;
  which.local_port = local_address(client->get()).port();
  which.remote_port = local_address(listener->get()).port();
  ASSERT_EQ(::inet_pton(AF_INET, "127.0.0.1", which.local.data()), 1);
  ASSERT_EQ(::inet_pton(AF_INET, "127.0.0.1", which.remote.data()), 1);
  which.cookie = ~std::uint64_t{0};  // any: INET_DIAG_NOCOOKIE
  const auto detail = read_socket_detail(*socket, which);
  ASSERT_TRUE(detail) << detail.error().message();
  ASSERT_TRUE(*detail);
  EXPECT_GT((*detail)->send_buffer, 0U);
  EXPECT_FALSE((*detail)->congestion_control.empty());
  SocketEntry none = which;
  none.local_port = 1;
  const auto gone = read_socket_detail(*socket, none);
  ASSERT_TRUE(gone);
  EXPECT_FALSE(*gone);
  // More than go into one call, some of which are gone.
  std::vector<const SocketEntry*> many;
  for (int i = 0; i < 75; ++i) many.push_back(i % 3 == 0 ? &none : &which);
  for (int round = 0; round < 2; ++round) {
    const auto details = read_socket_details(*socket, many);
    ASSERT_TRUE(details) << details.error().message();
    ASSERT_EQ(details->size(), many.size());
    for (std::size_t i = 0; i < many.size(); ++i) EXPECT_EQ((*details)[i].has_value(), i % 3 != 0) << i;
  }
}

}  // namespace
}  // namespace isotach::kernel
