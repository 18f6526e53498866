#include "command/traffic/ipfix_feed.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "command/traffic/traffic_fixture.h"

namespace isotach::command {
namespace {

// A collector that adds up what it is sent.
class Collector {
 public:
  Collector() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
  }
  [[nodiscard]] std::string name() const { return "127.0.0.1:" + std::to_string(port_); }

  void receive() {
    std::string message(65536, '\0');
    for (;;) {
      const ssize_t got = ::recv(socket_.get(), message.data(), message.size(), 0);
      if (got <= 0) return;
      const auto at = [&](std::size_t place, int width) {
        std::uint64_t value = 0;
        for (int i = 0; i < width; ++i)
          value = value << 8 | static_cast<std::uint8_t>(message[place + static_cast<std::size_t>(i)]);
        return value;
      };
      for (std::size_t set = 16; set < static_cast<std::size_t>(got); set += at(set + 2, 2)) {
        const std::uint64_t id = at(set, 2);
        if (id < 256) continue;
        const std::size_t each = id == 256 ? 58 : 82;
        for (std::size_t record = set + 4; record + each <= set + at(set + 2, 2); record += each) {
          bytes += at(record + 16, 8);
          packets += at(record + 24, 8);
          ++records;
        }
      }
    }
  }

  std::uint64_t bytes = 0, packets = 0, records = 0;

 private:
  Fd socket_;
  std::uint16_t port_ = 0;
};

TEST(IpfixFeed, EachPacketIsToldOnce) {
  Collector collector;
  auto feed = IpfixFeed::open(collector.name());
  ASSERT_TRUE(feed);
  (*feed)->add(snapshot_at(0), false);
  (*feed)->add(snapshot_at(4), false);
  collector.receive();
  EXPECT_EQ(collector.records, 0u);  // not yet due
  (*feed)->add(snapshot_at(10), false);
  collector.receive();
  EXPECT_EQ(collector.records, 8u);
  auto last = snapshot_at(12);
  last.ended.push_back(last.flows.back());
  last.flows.pop_back();
  (*feed)->add(last, false);
  (*feed)->add(last, true);
  collector.receive();
  const network::TwoWay all = snapshot_at(12).counted();
  EXPECT_EQ(collector.packets, all.packets());
  // Less the Ethernet heads: 18 bytes with a VLAN tag.
  const std::uint64_t tagged = snapshot_at(12).flows.back().traffic.packets();
  EXPECT_EQ(collector.bytes, all.bytes() - 14 * all.packets() - 4 * tagged);
  EXPECT_EQ((*feed)->sent_records(), 16u);
  EXPECT_EQ((*feed)->lost_records(), 0u);
}

TEST(IpfixFeed, Addresses) {
  EXPECT_EQ(parse_host_and_port("collector:4739")->host, "collector");
  EXPECT_EQ(parse_host_and_port("[2001:db8::1]:4739")->host, "2001:db8::1");
  for (const char* wrong :
       {"", "collector", ":4739", "collector:", "collector:0", "collector:65536", "::1:4739", "[]:1"})
    EXPECT_FALSE(parse_host_and_port(wrong)) << wrong;
}

}  // namespace
}  // namespace isotach::command
