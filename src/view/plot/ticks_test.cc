#include "view/plot/ticks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

#include "base/clock.h"

namespace isotach::view {
namespace {

constexpr double kKi = 1024, kMi = kKi * 1024, kGi = kMi * 1024;
constexpr std::int64_t kSecond = kNanosecondsPerSecond;

std::string joined(const std::vector<Tick>& ticks) {
  std::string text;
  for (const Tick& tick : ticks) text += (text.empty() ? "" : " | ") + tick.label;
  return text;
}

TEST(ValueTicks, AreRoundInTheUnit) {
  EXPECT_EQ(joined(value_ticks({0, 24 * kGi}, Unit::bytes, 8)),
            "0 | 4 GiB | 8 GiB | 12 GiB | 16 GiB | 20 GiB | 24 GiB");
  EXPECT_EQ(joined(value_ticks({0, 1000 * kMi}, Unit::bytes, 6)), "0 | 256 MiB | 512 MiB | 768 MiB");
  EXPECT_EQ(joined(value_ticks({23.4 * kGi, 23.6 * kGi}, Unit::bytes, 6)),
            "23.40 GiB | 23.45 GiB | 23.50 GiB | 23.55 GiB | 23.60 GiB");
  EXPECT_EQ(joined(value_ticks({0, 1e9}, Unit::bits_per_second, 6)),
            "0 | 0.2 Gbit/s | 0.4 Gbit/s | 0.6 Gbit/s | 0.8 Gbit/s | 1.0 Gbit/s");
  EXPECT_EQ(joined(value_ticks({0, 1}, Unit::ratio, 6)), "0 % | 20 % | 40 % | 60 % | 80 % | 100 %");
  EXPECT_EQ(joined(value_ticks({0, 0.005}, Unit::seconds, 6)), "0 | 1 ms | 2 ms | 3 ms | 4 ms | 5 ms");
  EXPECT_EQ(joined(value_ticks({0, 7200}, Unit::seconds, 5)), "0 | 0.5 h | 1.0 h | 1.5 h | 2.0 h");
  EXPECT_EQ(joined(value_ticks({-10, 10}, Unit::count, 5)), "-10 | -5 | 0 | 5 | 10");
  EXPECT_EQ(joined(value_ticks({0, 4}, Unit::bytes, 5)), "0 | 1 B | 2 B | 3 B | 4 B");
}

TEST(ValueTicks, BytesFallOnPowersOfTwoOrDecimalPartsOfTheUnit) {
  for (double high = 2; high < 1e18; high *= 1.7) {
    const double step = tick_step({0, high}, Unit::bytes, 6);
    const double unit = scale_for(high, Unit::bytes).divisor;
    const double power = std::log2(step);
    const double part = step / unit;
    const double digits = part / std::pow(10.0, std::floor(std::log10(part) + 1e-9));
    const bool decimal =
        std::fabs(digits - 1) < 1e-6 || std::fabs(digits - 2) < 1e-6 || std::fabs(digits - 5) < 1e-6;
    EXPECT_TRUE(std::fabs(power - std::round(power)) < 1e-9 || decimal) << high << " " << step;
  }
}

TEST(ValueTicks, AreOrderedInsideDistinctAndNeverTooMany) {
  std::mt19937_64 random(1);
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  for (int run = 0; run < 20000; ++run) {
    double low = std::pow(10.0, uniform(-12, 18)) * (run % 3 == 0 ? -1 : 1);
    double high = low + std::pow(10.0, uniform(-6, 6)) * std::fabs(low);
    if (run % 500 == 0) low = -1.7e308, high = 1.7e308;
    if (run % 501 == 0) low = 0, high = 5e-324;
    const int limit = 1 + run % 12;
    const auto unit = static_cast<Unit>(run % 7);
    const std::vector<Tick> ticks = value_ticks({low, high}, unit, limit);
    ASSERT_LE(ticks.size(), static_cast<std::size_t>(limit));
    std::set<std::string> labels;
    for (std::size_t i = 0; i < ticks.size(); ++i) {
      ASSERT_GE(ticks[i].position, low);
      ASSERT_LE(ticks[i].position, high);
      if (i > 0) {
        ASSERT_GT(ticks[i].position, ticks[i - 1].position);
      }
      ASSERT_LT(ticks[i].label.size(), 40u);
      // Doubles tell such ticks apart, so their labels must.
      if (high - low > 1e-4 * std::fabs(low) && std::fabs(high) < 1e15) {
        ASSERT_TRUE(labels.insert(ticks[i].label).second)
            << ticks[i].label << " in [" << low << ", " << high << "]";
      }
    }
  }
}

TEST(ValueTicks, RangesOfALivePlotHaveAtLeastTwo) {
  for (double high = 1e-6; high < 1e15; high *= 1.13) {
    for (const Unit unit : {Unit::count, Unit::bytes, Unit::ratio, Unit::seconds, Unit::bits_per_second})
      EXPECT_GE(value_ticks({0, high}, unit, 5).size(), 2u) << high;
  }
}

TEST(TimeTicks, ReadLikeClocks) {
  const LabelLength one_each = [](std::string_view text) { return static_cast<double>(text.size()); };
  EXPECT_EQ(joined(elapsed_ticks(0, 60 * kSecond, 60, one_each, 4)),
            "0 s | 10 s | 20 s | 30 s | 40 s | 50 s | 1:00");
  EXPECT_EQ(joined(elapsed_ticks(0, 2 * kSecond, 60, one_each, 4)), "0.0 s | 0.5 s | 1.0 s | 1.5 s | 2.0 s");
  EXPECT_EQ(joined(elapsed_ticks(0, 3600 * kSecond, 60, one_each, 6)),
            "0 s | 15:00 | 30:00 | 45:00 | 1:00:00");
  EXPECT_EQ(joined(elapsed_ticks(0, 3 * 86400 * kSecond, 60, one_each, 6)), "0 s | 1 d | 2 d | 3 d");
  EXPECT_EQ(joined(elapsed_ticks(125 * kSecond, 185 * kSecond, 40, one_each, 4)),
            "2:15 | 2:30 | 2:45 | 3:00");
  // A midnight 14 h 3 min 5 s before the origin.
  const std::int64_t midnight_ns = -(14 * 3600 + 3 * 60 + 5) * kSecond;
  EXPECT_EQ(joined(clock_ticks(0, 60 * kSecond, midnight_ns, 60, one_each, 4)),
            "14:03:15 | 14:03:30 | 14:03:45 | 14:04:00");
  EXPECT_EQ(joined(clock_ticks(0, 7200 * kSecond, midnight_ns, 60, one_each, 4)),
            "14:30 | 15:00 | 15:30 | 16:00");
}

TEST(TimeTicks, NeverOverlap) {
  std::mt19937_64 random(5);
  for (int run = 0; run < 3000; ++run) {
    const auto span_ns =
        static_cast<std::int64_t>(std::pow(10.0, std::uniform_real_distribution<double>(0, 17.5)(random)));
    const std::int64_t low_ns =
        static_cast<std::int64_t>(random() % (std::uint64_t{1} << 52)) * (run % 2 == 0 ? 1 : -1);
    const double axis_length = static_cast<double>(8 + random() % 200);
    const LabelLength length = [](std::string_view text) { return static_cast<double>(text.size()); };
    const auto ticks = run % 3 == 0 ? clock_ticks(low_ns, low_ns + span_ns, 12345, axis_length, length, 2)
                                    : elapsed_ticks(low_ns, low_ns + span_ns, axis_length, length, 2);
    double end = -1e9;
    for (const Tick& tick : ticks) {
      const double centre =
          (tick.position - static_cast<double>(low_ns)) / static_cast<double>(span_ns) * axis_length;
      const double half = length(tick.label) / 2;
      ASSERT_GE(centre - half, end + 1.9) << span_ns;
      end = centre + half;
    }
    ASSERT_LE(ticks.size(), 130u);
  }
}

TEST(TimeTicks, EmptyAndBackwardAxesHaveNone) {
  const LabelLength length = [](std::string_view) { return 1.0; };
  EXPECT_TRUE(elapsed_ticks(5, 5, 10, length, 1).empty());
  EXPECT_TRUE(elapsed_ticks(5, 4, 10, length, 1).empty());
  EXPECT_TRUE(elapsed_ticks(0, 5, 0, length, 1).empty());
}

}  // namespace
}  // namespace isotach::view
