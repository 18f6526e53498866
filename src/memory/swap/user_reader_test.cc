#include "memory/swap/user_reader.h"

#include <gtest/gtest.h>

namespace isotach::memory {
namespace {

TEST(SwapStatus, NameAndSwapAreFound) {
  const auto status = parse_swap_status("Name:\tdb server\nState:\tS\nVmRSS:\t 12 kB\nVmSwap:\t  2048 kB\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->name, "db server");
  EXPECT_EQ(status->swap_bytes, 2048u * 1024);
}

TEST(SwapStatus, AKernelThreadHasNone) {
  EXPECT_FALSE(parse_swap_status("Name:\tkworker/0:1\nState:\tI\n"));
  EXPECT_FALSE(parse_swap_status("Name:\tx\nVmSwap:\t99999999999999999999 kB\n"));
  EXPECT_FALSE(parse_swap_status("Name:\tx\nVmSwap:\t9999999999999999999 kB\n"));
  EXPECT_FALSE(parse_swap_status(""));
}

TEST(SwapUsers, OfThisMachineCanBeRead) {
  const auto users = read_swap_users(kernel::SystemRoot(), std::nullopt, true);
  ASSERT_TRUE(users);
  for (const SwapProcess& process : users->processes) EXPECT_GT(process.swap_bytes, 0u);
}

}  // namespace
}  // namespace isotach::memory
