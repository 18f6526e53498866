#include "kernel/pressure_trigger.h"

#include <gtest/gtest.h>

namespace isotach::kernel {
namespace {

TEST(PressureTrigger, IsTakenByTheKernelOrSaysWhyNot) {
  auto trigger = PressureTrigger::open(SystemRoot(), "memory", 1'900'000);
  if (!trigger) {
    EXPECT_NE(trigger.error().errno_value, EINVAL) << trigger.error().message();
    GTEST_SKIP() << trigger.error().message();
  }
  EXPECT_GE(trigger->fd(), 0);
  EXPECT_FALSE(trigger->take());
}

TEST(PressureTrigger, AKernelWithoutItIsAnError) {
  const auto trigger = PressureTrigger::open(SystemRoot("/no/such/tree"), "memory", 1'000'000);
  ASSERT_FALSE(trigger);
  EXPECT_EQ(trigger.error().errno_value, ENOENT);
}

TEST(PressureTrigger, MoreStallThanTheWindowIsRefused) {
  if (!PressureTrigger::open(SystemRoot(), "memory", 1'000'000)) GTEST_SKIP() << "no triggers here";
  const auto trigger = PressureTrigger::open(SystemRoot(), "memory", 3'000'000);
  ASSERT_FALSE(trigger);
  EXPECT_EQ(trigger.error().errno_value, EINVAL);
}

}  // namespace
}  // namespace isotach::kernel
