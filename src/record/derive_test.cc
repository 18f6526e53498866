#include "record/derive.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/clock.h"

namespace isotach::record {
namespace {

constexpr std::int64_t kSecond = kNanosecondsPerSecond;

MetricDescriptor counter(double scale = 1, RateDisplay display = RateDisplay::per_second, int bits = 64) {
  return {"c", Unit::bytes, MetricKind::counter, "", "", scale, display, bits};
}

std::optional<double> rate(const MetricDescriptor& metric, const Value& before, const Value& now,
                           std::int64_t elapsed_ns = kSecond) {
  return derive(metric, &before, now, elapsed_ns);
}

TEST(Derive, GaugesAreScaled) {
  const MetricDescriptor gauge{"g", Unit::bytes, MetricKind::gauge, "", "", 1024};
  EXPECT_EQ(derive(gauge, nullptr, Value::of(3), 0), 3072);
  EXPECT_EQ(derive(gauge, nullptr, Value::of_signed(-1), 0), -1024);
  EXPECT_EQ(derive(gauge, nullptr, Value(Missing::vanished), 0), std::nullopt);
  EXPECT_EQ(derive(gauge, nullptr, Value::of_real(std::numeric_limits<double>::quiet_NaN()), 0),
            std::nullopt);
  EXPECT_EQ(derive(gauge, nullptr, Value::of_real(std::numeric_limits<double>::infinity()), 0), std::nullopt);
}

TEST(Derive, CountersBecomeRatesOverTheTimeThatPassed) {
  EXPECT_EQ(rate(counter(), Value::of(100), Value::of(300)), 200);
  EXPECT_EQ(rate(counter(), Value::of(100), Value::of(300), kSecond / 4), 800);
  EXPECT_EQ(rate(counter(512), Value::of(0), Value::of(2)), 1024);
  EXPECT_EQ(rate(counter(1, RateDisplay::bits_per_second), Value::of(0), Value::of(1)), 8);
  EXPECT_EQ(rate(counter(0.01, RateDisplay::share_of_time), Value::of(50), Value::of(100)), 0.5);
}

// Both are beyond what a double can tell apart.
TEST(Derive, LargeCountersKeepSmallSteps) {
  const std::uint64_t large = std::uint64_t{1} << 62;
  EXPECT_EQ(rate(counter(), Value::of(large), Value::of(large + 1)), 1);
}

TEST(Derive, CountersWrapAtTheirWidth) {
  EXPECT_EQ(rate(counter(1, RateDisplay::per_second, 32), Value::of(0xfffffff0), Value::of(16)), 32);
  EXPECT_EQ(rate(counter(), Value::of(~std::uint64_t{0}), Value::of(1)), 2);
}

TEST(Derive, NothingIsShownForWhatIsUnknown) {
  EXPECT_EQ(derive(counter(), nullptr, Value::of(1), kSecond), std::nullopt);
  EXPECT_EQ(rate(counter(), Value(Missing::vanished), Value::of(1)), std::nullopt);
  EXPECT_EQ(rate(counter(), Value::of(1), Value(Missing::not_permitted)), std::nullopt);
  EXPECT_EQ(rate(counter(), Value::of(1000), Value::of(1)), std::nullopt);  // a reset
  EXPECT_EQ(rate(counter(), Value::of_real(2.5), Value::of_real(2.0)), std::nullopt);
  EXPECT_EQ(rate(counter(), Value::of(1), Value::of(2), 0), std::nullopt);
  EXPECT_EQ(rate(counter(), Value::of(1), Value::of(2), -kSecond), std::nullopt);
  const double huge = std::numeric_limits<double>::max();
  EXPECT_EQ(rate(counter(huge), Value::of_real(0), Value::of_real(huge)), std::nullopt);
}

}  // namespace
}  // namespace isotach::record
