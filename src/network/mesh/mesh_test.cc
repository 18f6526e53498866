#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "network/mesh/mesh_file.h"
#include "network/mesh/schedule.h"

namespace isotach::mesh {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kSecondNs = 1'000'000'000;

MeshFile mesh_of(std::size_t hosts) {
  MeshFile file;
  for (std::size_t i = 0; i < hosts; ++i) file.hosts.push_back({"h" + std::to_string(i), std::to_string(i)});
  file.tests.push_back({});
  file.slot_ns = 10 * kSecondNs;
  file.every_ns = static_cast<std::int64_t>(file.rounds()) * file.slot_ns + 7 * kSecondNs;
  return file;
}

std::string error_of(std::string_view text) {
  const auto file = parse_mesh_file(text);
  return file ? std::string("no error") : file.error().message();
}

TEST(MeshFile, IsReadWhole) {
  const auto file = parse_mesh_file(R"(
# three hosts
host berlin 192.0.2.1
host paris  2001:db8::7   # by IPv6
host oslo   oslo.example

test nettest -t 5 -P 2
test path --no-transfer
slot 40s
every 1h
port 5301
lease-port 5302
)");
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_EQ(file->hosts.size(), 3U);
  EXPECT_EQ(file->hosts[1].name, "paris");
  EXPECT_EQ(file->hosts[1].address, "2001:db8::7");
  ASSERT_EQ(file->tests.size(), 2U);
  EXPECT_EQ(file->tests[0].kind, TestKind::nettest);
  EXPECT_THAT(file->tests[0].options, ElementsAre("-t", "5", "-P", "2"));
  EXPECT_EQ(file->tests[1].kind, TestKind::path);
  EXPECT_EQ(file->slot_ns, 40 * kSecondNs);
  EXPECT_EQ(file->every_ns, 3600 * kSecondNs);
  EXPECT_EQ(file->port, 5301);
  EXPECT_EQ(file->lease_port, 5302);
}

TEST(MeshFile, WithoutTimesTheSlotsFollowEachOther) {
  const auto file = parse_mesh_file("host a 1.1.1.1\nhost b 1.1.1.2\ntest path\n");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->slot_ns, 60 * kSecondNs);
  EXPECT_EQ(file->every_ns, 2 * 60 * kSecondNs);
}

TEST(MeshFile, SaysInWhichLineWhatIsWrong) {
  EXPECT_THAT(error_of("host a 1.1.1.1\nhots b 1.1.1.2\n"), HasSubstr("line 2: 'hots' is no word"));
  EXPECT_THAT(error_of("host a\n"), HasSubstr("line 1: a host has a name and an address"));
  EXPECT_THAT(error_of("host a\"b 1.1.1.1\n"), HasSubstr("cannot be the name of a host"));
  EXPECT_THAT(error_of("host a 1.1.1.1\nhost b 1.1.1.1\n"), HasSubstr("line 2: host b has the name or"));
  EXPECT_THAT(error_of("test iperf\n"), HasSubstr("a test is nettest or path"));
  EXPECT_THAT(error_of("test nettest --record x\n"), HasSubstr("takes no option '--record'"));
  EXPECT_THAT(error_of("test nettest -t\n"), HasSubstr("-t needs a value"));
  EXPECT_THAT(error_of("slot soon\n"), HasSubstr("line 1:"));
  EXPECT_THAT(error_of("slot 1s\n"), HasSubstr("from 2 s to 7 days"));
  EXPECT_THAT(error_of("port 0\n"), HasSubstr("from 1 to 65535"));
  EXPECT_THAT(error_of("host a 1.1.1.1\ntest path\n"), HasSubstr("at least two hosts"));
  EXPECT_THAT(error_of("host a 1.1.1.1\nhost b 1.1.1.2\n"), HasSubstr("no test"));
  EXPECT_THAT(error_of("host a 1.1.1.1\nhost b 1.1.1.2\ntest path\nport 5202\n"), HasSubstr("are the same"));
}

TEST(MeshFile, TooFewSlotsAreToldWithHowManyAreNeeded) {
  const auto file =
      parse_mesh_file("host a 1.1.1.1\nhost b 1.1.1.2\nhost c 1.1.1.3\ntest path\nslot 30s\nevery 2m\n");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message(), HasSubstr("3 hosts need 6 slots"));
  EXPECT_THAT(file.error().remedy, HasSubstr("every 180s"));
}

TEST(Schedule, EachPairMeetsOnceInEachDirectionAndNobodyTwiceAtOnce) {
  for (std::size_t hosts = 2; hosts <= 17; ++hosts) {
    std::set<std::pair<std::size_t, std::size_t>> met;
    for (std::size_t round = 0; round < mesh_of(hosts).rounds(); ++round) {
      std::set<std::size_t> busy;
      for (const Pair& pair : pairs_of_round(hosts, round)) {
        EXPECT_TRUE(busy.insert(pair.from).second) << hosts << " hosts, round " << round;
        EXPECT_TRUE(busy.insert(pair.to).second) << hosts << " hosts, round " << round;
        EXPECT_TRUE(met.insert({pair.from, pair.to}).second) << hosts << " hosts, round " << round;
      }
    }
    EXPECT_EQ(met.size(), hosts * (hosts - 1)) << hosts;
  }
}

TEST(Schedule, AHostsTurnsFollowTheClock) {
  for (const std::size_t hosts : {2U, 3U, 6U}) {
    const MeshFile file = mesh_of(hosts);
    for (std::size_t host = 0; host < hosts; ++host) {
      std::map<std::size_t, int> tested;
      std::int64_t wall_ns = 1'800'000'000ll * kSecondNs + 3;
      for (std::size_t i = 0; i < 2 * (hosts - 1); ++i) {
        const Turn turn = next_turn(file, host, wall_ns);
        EXPECT_GE(turn.begin_wall_ns, wall_ns);
        EXPECT_EQ(turn.end_wall_ns - turn.begin_wall_ns, file.slot_ns);
        EXPECT_EQ(turn.begin_wall_ns % file.every_ns % file.slot_ns, 0);
        EXPECT_EQ(turn.pair.from, host);
        ++tested[turn.pair.to];
        wall_ns = turn.begin_wall_ns + 1;
      }
      EXPECT_EQ(tested.size(), hosts - 1);
      for (const auto& [to, times] : tested) EXPECT_EQ(times, 2) << to;
    }
  }
}

TEST(Schedule, HostsAgreeWhoIsWithWhom) {
  const MeshFile file = mesh_of(5);
  const std::int64_t now_ns = 1'800'000'000ll * kSecondNs;
  std::map<std::int64_t, std::set<std::size_t>> busy;
  for (std::size_t host = 0; host < 5; ++host) {
    std::int64_t wall_ns = now_ns;
    for (int i = 0; i < 8; ++i) {
      const Turn turn = next_turn(file, host, wall_ns);
      EXPECT_TRUE(busy[turn.begin_wall_ns].insert(turn.pair.from).second);
      EXPECT_TRUE(busy[turn.begin_wall_ns].insert(turn.pair.to).second);
      wall_ns = turn.begin_wall_ns + 1;
    }
  }
}

}  // namespace
}  // namespace isotach::mesh
