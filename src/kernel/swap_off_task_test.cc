#include "kernel/swap_off_task.h"

#include <gtest/gtest.h>

namespace isotach::kernel {
namespace {

// The real thing is tested in tests/privileged/swap.bats; here, that it ends and tells.
TEST(SwapOffTask, TellsWhatTheKernelSaid) {
  SwapOffTask task("/no/such/swap");
  const auto done = task.finish();
  ASSERT_FALSE(done);
  EXPECT_TRUE(done.error().errno_value == ENOENT || done.error().errno_value == EPERM);
  EXPECT_TRUE(task.is_over());
  task.interrupt();  // too late to matter
}

TEST(SwapOffTask, IsInterruptedWhenItIsDropped) {
  for (int i = 0; i < 50; ++i) SwapOffTask task("/no/such/swap");
}

}  // namespace
}  // namespace isotach::kernel
