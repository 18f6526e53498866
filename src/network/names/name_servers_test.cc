#include "network/names/name_servers.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <thread>

namespace isotach::network {
namespace {

TEST(NameServers, AreListedAsTheLibraryDoes) {
  EXPECT_EQ(
      parse_resolv_conf("# nameserver 1.1.1.1\nsearch x\nnameserver 10.0.0.1\n nameserver\t10.0.0.2 # a\n"),
      (std::vector<std::string>{"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(parse_resolv_conf("nameserver a\nnameserver b\nnameserver c\nnameserver d\n").size(), 3U);
  EXPECT_EQ(parse_resolv_conf(""), std::vector<std::string>{"127.0.0.1"});
}

TEST(NameServers, OnlyAnAnswerToTheQuestionCounts) {
  std::string answer = root_question(0x1234);
  EXPECT_EQ(answer.size(), 17U);
  EXPECT_FALSE(answer_code(answer, 0x1234)) << "the question itself";
  answer[2] = static_cast<char>(0x81);
  answer[3] = 2;
  EXPECT_EQ(answer_code(answer, 0x1234), 2);
  EXPECT_FALSE(answer_code(answer, 0x1235));
  EXPECT_FALSE(answer_code(answer.substr(0, 11), 0x1234));
}

// A server of ours on loopback: it answers the first question with SERVFAIL, which is an answer.
TEST(NameServers, TheTimeOfAnAnswer) {
  auto address = kernel::resolve("127.0.0.1", 0, kernel::IpFamily::v4, true);
  ASSERT_TRUE(address);
  auto server = kernel::bind_udp(address->front());
  ASSERT_TRUE(server);
  ASSERT_TRUE(kernel::set_blocking(server->get(), 30'000'000'000));
  const std::uint16_t port = kernel::local_address(server->get()).port();
  std::thread thread([&] {
    std::array<char, 512> bytes;
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        ::recvfrom(server->get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 12) return;
    bytes[2] = static_cast<char>(0x81);
    bytes[3] = 2;
    static_cast<void>(::sendto(server->get(), bytes.data(), static_cast<std::size_t>(got), 0,
                               reinterpret_cast<const sockaddr*>(&from), size));
  });
  SignalWaiter waiter;
  SystemClock clock;
  const auto answers = ask_name_servers({"127.0.0.1"}, 30'000'000'000, waiter, clock, port);
  thread.join();
  ASSERT_EQ(answers.size(), 1U);
  ASSERT_TRUE(answers[0].time_ms) << answers[0].trouble;
  EXPECT_GT(*answers[0].time_ms, 0);
  EXPECT_EQ(answers[0].trouble, "SERVFAIL");
}

TEST(NameServers, WhereNobodyListensItIsSaid) {
  auto address = kernel::resolve("127.0.0.1", 0, kernel::IpFamily::v4, true);
  ASSERT_TRUE(address);
  // A port that was free a moment ago, and that we hold by another protocol.
  auto holder = kernel::listen_tcp(address->front());
  ASSERT_TRUE(holder);
  SignalWaiter waiter;
  SystemClock clock;
  const auto answers = ask_name_servers({"127.0.0.1"}, 30'000'000'000, waiter, clock,
                                        kernel::local_address(holder->get()).port());
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_FALSE(answers[0].time_ms);
  EXPECT_EQ(answers[0].trouble, "no server there");
}

}  // namespace
}  // namespace isotach::network
