#include "network/traffic/accounts.h"

#include <gtest/gtest.h>

#include <cstring>

#include "kernel/packet_ring.h"
#include "network/packet/tcp_header.h"
#include "network/traffic/frame_counter.h"

namespace isotach::network {
namespace {

constexpr std::uint32_t kInterface = 3;
constexpr std::int64_t kSecond = kNanosecondsPerSecond;

// Frames go through the counter of a ring into the accounts: what the BPF program counts has the same form.
class Accounts : public testing::Test {
 protected:
  void open(const TrafficOptions& options) {
    accounts_.emplace(options, 7, 2, 4);
    counter_.emplace(options.flow_limit, 4, 7);
    InterfaceTraffic row;
    row.index = kInterface;
    row.name = "nic";
    accounts_->assign_block(1, static_cast<std::uint32_t>(accounts_->add_interface(row)));
  }
  void frame(const std::string& bytes, bool outgoing = false, std::uint32_t length = 0,
             std::uint32_t segment = 0, int tag = -1) {
    kernel::RingFrame given;
    given.data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    given.captured = static_cast<std::uint32_t>(bytes.size());
    given.length = length == 0 ? given.captured : length;
    given.segment = segment;
    given.outgoing = outgoing;
    given.tag = tag;
    counter_->count(given, kInterface, 1, 14);
  }
  const TrafficSnapshot& read(std::int64_t now_ns) {
    const unsigned buffer = counter_->switch_buffer();
    owners_.begin_round();
    accounts_->add(buffer, counter_->area(buffer), now_ns, owners_);
    accounts_->finish(now_ns, owners_, snapshot_);
    EXPECT_EQ(snapshot_.in_flows(), snapshot_.counted()) << "every packet is in a flow or in the rest";
    TwoWay owned;
    for (const TrafficOwner& owner : snapshot_.owners) owned += owner.traffic;
    owned += snapshot_.flows_rest.overflow;
    EXPECT_EQ(owned, snapshot_.counted()) << "and belongs to somebody, though nobody is known";
    return snapshot_;
  }
  static std::string udp(std::uint16_t from, std::uint16_t to, std::uint8_t last = 1, std::size_t size = 20) {
    std::string bytes("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x09\x08\x00", 14);
    const auto total = static_cast<std::uint16_t>(28 + size);
    const auto put = [&bytes](std::initializer_list<unsigned> values) {
      for (const unsigned value : values) bytes += static_cast<char>(value);
    };
    put({0x45, 0xb8, unsigned{total} >> 8, total & 0xffU, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, last, 10, 0,
         0,    200});
    put({unsigned{from} >> 8, from & 0xffU, unsigned{to} >> 8, to & 0xffU, 0, 0, 0, 0});
    bytes.append(size, 'x');
    return bytes;
  }
  static std::string tcp(std::uint8_t flags, std::size_t size = 0) {
    std::string bytes = udp(5000, 443, 1, 12 + size);
    bytes[23] = 6;
    bytes[14 + 20 + 12] = 0x50;
    bytes[14 + 20 + 13] = static_cast<char>(flags);
    return bytes;
  }

  std::optional<TrafficAccounts> accounts_;
  std::optional<FrameCounter> counter_;
  TrafficOwners owners_{kernel::SystemRoot("/nonexistent")};
  TrafficSnapshot snapshot_;
};

TEST_F(Accounts, BothDirectionsAreOneFlow) {
  open({});
  const std::string request = udp(5000, 53);
  frame(request);
  // The answer: addresses and ports the other way round.
  std::string answer = request;
  std::memcpy(&answer[26], &request[30], 4);
  std::memcpy(&answer[30], &request[26], 4);
  std::memcpy(&answer[34], &request[36], 2);
  std::memcpy(&answer[36], &request[34], 2);
  std::memcpy(&answer[0], &request[6], 6);
  frame(answer, true);
  const TrafficSnapshot& found = read(kSecond);
  ASSERT_EQ(found.flows.size(), 1U);
  const TrafficFlow& flow = found.flows[0];
  EXPECT_EQ(endpoint_text(flow.local, flow.local_port), "10.0.0.200:53");
  EXPECT_EQ(endpoint_text(flow.remote, flow.remote_port), "10.0.0.1:5000");
  EXPECT_EQ(flow.traffic, (TwoWay{{1, 62}, {1, 62}}));
  EXPECT_EQ(flow.dscp, 46);
  ASSERT_EQ(found.services.size(), 1U);
  EXPECT_EQ(found.services[0].port, 53);
  ASSERT_EQ(found.hosts.size(), 1U);
  EXPECT_EQ(found.hosts[0].address.text(), "10.0.0.1");
  ASSERT_EQ(found.stations.size(), 1U);
  EXPECT_EQ(found.stations[0].address[5], 9);
  EXPECT_EQ(found.interfaces[0].dscp[46].packets(), 2U);
  EXPECT_EQ(found.interfaces[0].dscp[0].packets(), 0U);
  EXPECT_EQ(found.interfaces[0].casts[static_cast<std::size_t>(TrafficCast::broadcast)].in.packets, 1U);
}

TEST_F(Accounts, AGsoPacketIsWhatTheWireCarried) {
  open({});
  // 3000 bytes of payload in segments of 1400: 1400, 1400 and 200, each with 54 bytes of heads.
  const std::string head = tcp(kTcpAck).substr(0, 54);
  frame(head, false, 54 + 3000, 1400);
  const TrafficSnapshot& found = read(kSecond);
  const InterfaceTraffic& row = found.interfaces[0];
  EXPECT_EQ(row.counted.in, (Tally{3, 3000 + 3 * 54}));
  EXPECT_EQ(row.as_carried.in, (Tally{1, 3054}));
  EXPECT_EQ(row.sizes[5].in, (Tally{2, 2 * 1454}));
  EXPECT_EQ(row.sizes[2].in, (Tally{1, 254})) << "0-63, 64-127, 128-255";
  EXPECT_EQ(row.of(TrafficProtocol::tcp).in.packets, 3U);
}

TEST_F(Accounts, ATagBesideTheFrameIsPartOfIt) {
  open({});
  frame(udp(1, 2), false, 0, 0, 0x2064);
  const TrafficSnapshot& found = read(kSecond);
  EXPECT_EQ(found.interfaces[0].counted.in.bytes, 66U);
  ASSERT_EQ(found.vlans.size(), 1U);
  EXPECT_EQ(found.vlans[0].id, 100);
  EXPECT_EQ(found.flows[0].vlan, 100);
}

TEST_F(Accounts, WhatFindsNoRowIsInTheRest) {
  TrafficOptions options;
  options.flow_limit = 8;
  open(options);
  for (std::uint16_t port = 1; port <= 20; ++port) frame(udp(port, 9000));
  const TrafficSnapshot& found = read(kSecond);
  EXPECT_EQ(found.flows.size(), 8U);
  EXPECT_EQ(found.flows_rest.overflow.in, (Tally{12, 12 * 62}));
}

TEST_F(Accounts, IdleRowsMakeRoomWhenItIsShort) {
  TrafficOptions options;
  options.flow_limit = 8;
  open(options);
  for (std::uint16_t port = 1; port <= 8; ++port) frame(udp(port, 9000));
  read(kSecond);
  frame(udp(8, 9000));
  const TrafficSnapshot& found = read(2 * kSecond);
  EXPECT_EQ(found.flows.size(), 4U) << "half of the table";
  EXPECT_EQ(found.flows.back().remote_port, 8) << "what moves stays";
  EXPECT_EQ(found.flows.back().id, 8U);
  EXPECT_EQ(found.ended.size(), 4U);
  EXPECT_EQ(found.flows_rest.ended.in.packets, 4U);
  frame(udp(1, 9000));
  EXPECT_EQ(read(3 * kSecond).flows.back().id, 9U) << "one that comes back is a new one";
  EXPECT_TRUE(snapshot_.ended.empty());
}

TEST_F(Accounts, FlowsEndByTheirIdleTime) {
  open({});
  frame(udp(1, 9000));
  read(kSecond);
  EXPECT_EQ(read(61 * kSecond).flows.size(), 1U);
  EXPECT_EQ(read(62 * kSecond).flows.size(), 0U);
  EXPECT_EQ(snapshot_.ended.size(), 1U);
  EXPECT_EQ(snapshot_.flows_rest.ended.in.packets, 1U);
}

TEST_F(Accounts, AConnectionThatClosedEndsSoonerAndMayBeginAnew) {
  open({});
  frame(tcp(kTcpSyn));
  EXPECT_EQ(read(kSecond).flows[0].state, TcpState::syn_received);
  frame(tcp(kTcpRst));
  EXPECT_EQ(read(2 * kSecond).flows[0].state, TcpState::closed);
  frame(tcp(kTcpSyn));
  EXPECT_EQ(read(3 * kSecond).flows[0].state, TcpState::syn_received);
  frame(tcp(kTcpRst));
  read(4 * kSecond);
  EXPECT_EQ(read(15 * kSecond).flows.size(), 0U);
}

TEST_F(Accounts, TablesOfHostsAreBoundedToo) {
  TrafficOptions options;
  options.host_limit = 4;
  open(options);
  for (std::uint8_t last = 1; last <= 10; ++last) frame(udp(1, 9000, last));
  const TrafficSnapshot& found = read(kSecond);
  EXPECT_EQ(found.hosts.size(), 4U);
  TwoWay sum = found.hosts_rest.overflow;
  for (const TrafficHost& host : found.hosts) sum += host.traffic;
  EXPECT_EQ(sum, found.counted());
  // Their flows have ended: the rows are free for others.
  read(100 * kSecond);
  EXPECT_EQ(snapshot_.hosts.size(), 0U);
  EXPECT_EQ(snapshot_.hosts_rest.ended.in.packets, 4U);
}

TEST_F(Accounts, DamagedFramesAreCountedAndNamed) {
  open({});
  for (const std::size_t size : {0U, 1U, 13U, 14U, 20U, 33U, 36U}) {
    const std::string whole = tcp(kTcpAck);
    frame(whole.substr(0, size), false, static_cast<std::uint32_t>(std::max<std::size_t>(size, 1)));
  }
  const TrafficSnapshot& found = read(kSecond);
  EXPECT_EQ(found.interfaces[0].counted.in.packets, 7U);
  EXPECT_EQ(found.interfaces[0].malformed.packets, 7U);
}

TEST_F(Accounts, SocketsThatWereAskedForGiveTheirProcess) {
  open({});
  frame(tcp(kTcpSyn));
  read(kSecond);
  kernel::SocketEntry socket;
  socket.protocol = 6;
  socket.local = {10, 0, 0, 200};
  socket.remote = {10, 0, 0, 1};
  socket.local_port = 443;
  socket.remote_port = 5000;
  socket.state = 1;
  socket.tcp = kernel::SocketTcp{250, 2, 0, 0, 0, 0};
  accounts_->tell_sockets({{socket, 4711}}, owners_);
  const TrafficSnapshot& found = read(2 * kSecond);
  const TrafficFlow& flow = found.flows[0];
  EXPECT_EQ(flow.state, TcpState::established);
  EXPECT_EQ(flow.rtt_ns, 250'000U);
  EXPECT_EQ(flow.retransmits, 2U);
  EXPECT_EQ(found.owners[flow.owner].pid, 4711U);
  EXPECT_EQ(found.owners[flow.owner].traffic.in.packets, 1U) << "what came before it was found is its, too";
}

TEST(TrafficOwnersTest, ProcessesThatEndedMakeRoom) {
  TrafficOwners owners(kernel::SystemRoot("/nonexistent"), {}, 16);
  for (std::uint32_t pid = 100; pid < 114; ++pid) owners.add(owners.row_of(pid), {{1, 10}, {}});
  EXPECT_EQ(owners.rows().size(), 16U);
  EXPECT_EQ(owners.row_of(200), kOwnerUnknown) << "there is no room";
  ASSERT_TRUE(owners.needs_room());
  std::vector<bool> needed(16);
  needed[5] = true;  // process 103
  const auto moved = owners.make_room(needed);
  ASSERT_EQ(owners.rows().size(), 4U);
  EXPECT_EQ(owners.rows()[moved[5]].pid, 103U);
  EXPECT_EQ(owners.rows()[moved[6]].command, "(ended processes)");
  EXPECT_EQ(owners.rows()[moved[6]].traffic.in.packets, 13U);
  EXPECT_EQ(owners.row_of(103), moved[5]);
  EXPECT_EQ(owners.rows()[owners.row_of(200)].pid, 200U);
  // And once more, with the row of those that ended in its place.
  for (std::uint32_t pid = 300; pid < 320; ++pid) owners.add(owners.row_of(pid), {{1, 10}, {}});
  static_cast<void>(owners.make_room(std::vector<bool>(owners.rows().size())));
  EXPECT_EQ(owners.rows().size(), 3U);
  TwoWay sum;
  for (const TrafficOwner& owner : owners.rows()) sum += owner.traffic;
  EXPECT_EQ(sum.in.packets, 34U);
}

TEST(TrafficContainers, AreNamedByTheirControlGroups) {
  const std::string id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  EXPECT_EQ(container_of("/system.slice/docker-" + id + ".scope"), "0123456789ab");
  EXPECT_EQ(container_of("/docker/" + id), "0123456789ab");
  EXPECT_EQ(container_of("/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" + id + ".scope"),
            "0123456789ab");
  EXPECT_EQ(container_of("/lxc.payload.web/init.scope"), "web");
  EXPECT_EQ(container_of("/machine.slice/machine-build.scope"), "build");
  EXPECT_EQ(container_of("/user.slice/user-1000.slice/session-3.scope"), "");
}

TEST(TrafficTableTest, KeepsItsRowsWhenItGrowsAndShrinks) {
  struct Key {
    std::uint64_t number;
  };
  TrafficTable<Key> table(5000, 3);
  bool made = false;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    EXPECT_EQ(table.find_or_make({i}, made), i);
    EXPECT_TRUE(made);
  }
  EXPECT_EQ(table.find_or_make({9999}, made), kNoRow);
  const auto moved = table.compact([](std::size_t row) { return row % 2 == 0; });
  EXPECT_EQ(moved[0], kNoRow);
  EXPECT_EQ(moved[4999], 2499U);
  EXPECT_EQ(table.find_or_make({4999}, made), 2499U);
  EXPECT_FALSE(made);
  EXPECT_EQ(table.find_or_make({9999}, made), 2500U);
  EXPECT_TRUE(made);
}

}  // namespace
}  // namespace isotach::network
