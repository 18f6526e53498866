#include "memory/swap/responsiveness.h"

#include <gtest/gtest.h>

#include <numeric>

namespace isotach::memory {
namespace {

TEST(Responsiveness, RanksOfLatencies) {
  EXPECT_FALSE(summarize_latencies({}));
  const auto one = summarize_latencies({7});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->p50_ns, 7);
  EXPECT_EQ(one->p99_ns, 7);
  std::vector<std::int64_t> many(101);
  std::iota(many.rbegin(), many.rend(), 0);
  const auto all = summarize_latencies(many);
  EXPECT_EQ(all->count, 101u);
  EXPECT_EQ(all->p50_ns, 50);
  EXPECT_EQ(all->p99_ns, 99);
  EXPECT_EQ(all->max_ns, 100);
}

TEST(Responsiveness, TheProbeEndsWhenItIsTold) {
  ResponsivenessProbe probe;
  const ResponsivenessProbe::Result result = probe.finish();
  if (result.wake) {
    EXPECT_GE(result.wake->p50_ns, 0);
  }
  // Twice does no harm, nor does dropping one.
  static_cast<void>(probe.finish());
  ResponsivenessProbe dropped;
}

}  // namespace
}  // namespace isotach::memory
