#include "network/mesh/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "base/clock.h"

namespace isotach::mesh {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kPatienceNs = 20'000'000'000;

std::int64_t soon() {
  return SystemClock().now().monotonic_ns + kPatienceNs;
}

kernel::SocketAddress loopback() {
  auto found = kernel::resolve("127.0.0.1", 0, kernel::IpFamily::v4, false);
  return found->front();
}

std::unique_ptr<LeaseKeeper> keeper_for(std::vector<kernel::SocketAddress> members,
                                        std::int64_t longest_ns = kPatienceNs) {
  auto keeper = LeaseKeeper::listen(loopback(), {std::move(members), longest_ns});
  EXPECT_TRUE(keeper) << keeper.error().message();
  return std::move(*keeper);
}

// Until the keeper has seen what we did.
template <class Condition>
bool eventually(const Condition& condition) {
  const std::int64_t limit_ns = soon();
  while (!condition()) {
    if (SystemClock().now().monotonic_ns > limit_ns) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(Lease, IsGivenToOneAtATime) {
  const auto keeper = keeper_for({loopback()});
  auto first = ask_for_lease(loopback(), keeper->address(), "berlin", soon());
  ASSERT_TRUE(first && *first);
  EXPECT_EQ(keeper->holder(), "berlin");
  const auto second = ask_for_lease(loopback(), keeper->address(), "paris", soon());
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second);
  EXPECT_FALSE(keeper->take("own"));

  first->reset();
  EXPECT_TRUE(eventually([&] { return !keeper->holder(); }));
  const auto third = ask_for_lease(loopback(), keeper->address(), "paris", soon());
  EXPECT_TRUE(third && *third);
}

TEST(Lease, OfOnesOwnKeepsOthersOut) {
  const auto keeper = keeper_for({loopback()});
  ASSERT_TRUE(keeper->take("oslo"));
  const auto refused = ask_for_lease(loopback(), keeper->address(), "paris", soon());
  ASSERT_TRUE(refused);
  EXPECT_FALSE(*refused);
  keeper->give_back();
  const auto given = ask_for_lease(loopback(), keeper->address(), "paris", soon());
  EXPECT_TRUE(given && *given);
  // It is not ours to give back.
  keeper->give_back();
  EXPECT_EQ(keeper->holder(), "paris");
}

TEST(Lease, EndsAfterItsTimeAlsoWhereTheHolderIsSilent) {
  const auto keeper = keeper_for({loopback()}, 1'000'000);
  const auto given = ask_for_lease(loopback(), keeper->address(), "paris", soon());
  ASSERT_TRUE(given && *given);
  EXPECT_TRUE(eventually([&] { return !keeper->holder(); }));
}

TEST(Lease, IsNotForStrangers) {
  auto other = kernel::resolve("192.0.2.77", 0, kernel::IpFamily::v4, false);
  const auto keeper = keeper_for({other->front()});
  const auto refused = ask_for_lease(loopback(), keeper->address(), "paris", soon());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("not in the mesh file"));
}

TEST(Lease, SilentAndWrongConnectionsKeepNobodyWaiting) {
  const auto keeper = keeper_for({loopback()});
  std::vector<Fd> silent;
  for (std::size_t i = 0; i + 2 < LeaseKeeper::kMostConnections; ++i) {
    auto fd = kernel::new_socket(keeper->address(), kernel::Transport::tcp);
    ASSERT_TRUE(fd);
    ASSERT_TRUE(kernel::begin_connect(fd->get(), keeper->address()));
    silent.push_back(std::move(*fd));
  }
  const std::string garbage(4096, 'x');
  static_cast<void>(::send(silent.front().get(), garbage.data(), garbage.size(), MSG_NOSIGNAL));
  const auto given = ask_for_lease(loopback(), keeper->address(), "paris", soon());
  EXPECT_TRUE(given && *given);
}

TEST(Lease, NobodyThereIsToldWithWhatToDo) {
  kernel::SocketAddress nowhere = loopback();
  {
    const auto keeper = keeper_for({loopback()});
    nowhere = keeper->address();
  }
  const auto refused = ask_for_lease(loopback(), nowhere, "paris", soon());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("Connection refused"));
  EXPECT_THAT(refused.error().remedy, HasSubstr("isotach mesh"));
}

TEST(LeaseRequest, NamesWhoAsks) {
  EXPECT_EQ(name_of_request("isotach-mesh 1 berlin"), "berlin");
  EXPECT_EQ(name_of_request("isotach-mesh 1 "), std::nullopt);
  EXPECT_EQ(name_of_request("isotach-mesh 2 berlin"), std::nullopt);
  EXPECT_EQ(name_of_request("GET / HTTP/1.1"), std::nullopt);
  EXPECT_EQ(name_of_request("isotach-mesh 1 a\x1b[2J"), std::nullopt);
}

}  // namespace
}  // namespace isotach::mesh
