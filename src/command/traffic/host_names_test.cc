#include "command/traffic/host_names.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace isotach::command {
namespace {

// Until it is known, or a deadline that only a broken program meets.
std::optional<std::string> wait_for(HostNames& names, const std::string& address) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::chrono::steady_clock::now() < deadline) {
    if (auto name = names.name_of(address)) return name;
    std::this_thread::yield();
  }
  return std::nullopt;
}

TEST(HostNames, AnswersComeLater) {
  HostNames names([](const std::string& address) { return std::optional("host-" + address); });
  EXPECT_EQ(wait_for(names, "192.0.2.1"), "host-192.0.2.1");
  EXPECT_EQ(wait_for(names, "2001:db8::1"), "host-2001:db8::1");
}

TEST(HostNames, WaitingEndsWithTheLastAnswer) {
  HostNames names([](const std::string& address) { return std::optional("host-" + address); });
  for (int i = 0; i < 100; ++i) (void)names.name_of("10.0.0." + std::to_string(i));
  names.wait(60'000'000'000);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(names.name_of("10.0.0." + std::to_string(i))) << i;
  names.wait(60'000'000'000);  // nothing to wait for
}

TEST(HostNames, AResolverThatHangsHoldsNobodyUp) {
  struct Gate {
    std::mutex mutex;
    std::condition_variable open;
    bool is_open = false;
    std::atomic<int> inside = 0;
  };
  const auto gate = std::make_shared<Gate>();
  {
    HostNames names([gate](const std::string&) -> std::optional<std::string> {
      ++gate->inside;
      std::unique_lock lock(gate->mutex);
      gate->open.wait(lock, [&] { return gate->is_open; });
      --gate->inside;
      return std::nullopt;
    });
    // More questions than may wait: each comes back at once, and what found no place is counted.
    for (std::size_t i = 0; i < 2 * HostNames::kMostWaiting; ++i)
      EXPECT_FALSE(names.name_of("10.0.0." + std::to_string(i)));
    EXPECT_GT(names.postponed(), 0u);
    names.wait(1'000'000);
    EXPECT_LE(gate->inside, static_cast<int>(HostNames::kThreads));
  }
  // The threads end by themselves.
  const std::lock_guard lock(gate->mutex);
  gate->is_open = true;
  gate->open.notify_all();
}

TEST(HostNames, OnlyAddressesAreAskedFor) {
  EXPECT_EQ(HostNames::ask_resolver("localhost"), std::nullopt);
  EXPECT_EQ(HostNames::ask_resolver("1.2.3"), std::nullopt);
}

}  // namespace
}  // namespace isotach::command
