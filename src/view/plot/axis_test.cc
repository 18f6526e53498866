#include "view/plot/axis.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <deque>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace isotach::view {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::array kUnits = {Unit::count, Unit::bytes, Unit::seconds, Unit::ratio, Unit::bits_per_second};

// A window of the last values, as a live plot sees them.
class Window {
 public:
  explicit Window(std::size_t length) : length_(length) {}
  void push(double value) {
    values_.push_back(value);
    if (values_.size() > length_) values_.pop_front();
  }
  [[nodiscard]] std::optional<Range> extent() const {
    std::optional<Range> extent;
    for (const double value : values_)
      if (std::isfinite(value)) include(extent, value);
    return extent;
  }

 private:
  std::size_t length_;
  std::deque<double> values_;
};

// Kinds of data that have broken axes before.
double next_value(int kind, double before, std::mt19937_64& random) {
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  switch (kind) {
    case 0:
      return before + uniform(-1, 1);  // random walk
    case 1:
      return uniform(0, 1) < 0.03 ? uniform(0, 1e9) : uniform(0, 10);  // spikes
    case 2:
      return uniform(0, 1) < 0.3 ? kNan : before + uniform(-5, 5);  // gaps
    case 3:
      return std::pow(10.0, uniform(-300, 300)) * (uniform(0, 1) < 0.5 ? -1 : 1);  // all magnitudes
    case 4:
      return -std::fabs(before) - uniform(0, 2);  // negative and falling
    case 5:
      return 0;  // nothing happens
    case 6:
      return 42;  // constant
    case 7:
      return uniform(0, 1) * 1e-310;  // denormal
    case 8:
      return uniform(0, 1) < 0.5 ? 1.7e308 : -1.7e308;  // the ends of double
    case 9:
      return 24.0 * 1024 * 1024 * 1024 + uniform(-1, 1) * 4096;  // a little on a lot
    case 10:
      return uniform(0, 1) < 0.02 ? std::numeric_limits<double>::infinity() : uniform(-1, 1);
    default:
      return before * uniform(0.5, 2.05) + (before == 0 ? 1 : 0);  // grows and falls by factors
  }
}
constexpr int kKinds = 12;

TEST(Axis, NeverClipsAPoint) {
  std::mt19937_64 random(20261123);
  std::size_t frames = 0;
  for (int run = 0; run < 3000; ++run) {
    const int kind = run % kKinds;
    ValueAxis axis(kUnits[static_cast<std::size_t>(run / kKinds) % kUnits.size()]);
    Window window(1 + random() % 80);
    double value = 0;
    std::int64_t now_ns = 0;
    for (int frame = 0; frame < 150; ++frame, ++frames) {
      value = next_value(kind, std::isfinite(value) ? value : 1, random);
      window.push(value);
      // Frames come at any distance, also together and after long pauses.
      now_ns += static_cast<std::int64_t>(random() % 5 == 0 ? 0 : random() % (700 * kMs));
      const auto extent = window.extent();
      const Range range = axis.update(extent, now_ns);
      ASSERT_TRUE(std::isfinite(range.low) && std::isfinite(range.high)) << "kind " << kind;
      ASSERT_LT(range.low, range.high) << "kind " << kind << " frame " << frame;
      if (extent) {
        ASSERT_TRUE(range.contains(*extent))
            << "kind " << kind << " frame " << frame << ": [" << range.low << ", " << range.high
            << "] lacks [" << extent->low << ", " << extent->high << "]";
        const double fraction = range.fraction(extent->high);
        ASSERT_TRUE(fraction >= 0 && fraction <= 1);
      }
    }
  }
  EXPECT_EQ(frames, 450'000u);
}

TEST(Axis, GrowsInTheSameFrame) {
  ValueAxis axis(Unit::count);
  axis.update(Range{0, 10}, 0);
  const Range range = axis.update(Range{0, 1000}, 1);
  EXPECT_GE(range.high, 1000);
  EXPECT_LE(range.high, 1500);
}

TEST(Axis, ShrinksWithinABoundedTimeAfterASpikeHasLeft) {
  for (const double spike : {100.0, 1e6, 1e18, 1e300}) {
    for (const std::int64_t frame_ns : {10 * kMs, 100 * kMs, 500 * kMs}) {
      ValueAxis axis(Unit::count);
      const Range before = axis.update(Range{0, 10}, 0);
      axis.update(Range{0, spike}, frame_ns);
      std::int64_t now_ns = 2 * frame_ns;  // the spike has left the window
      const std::int64_t limit_ns = now_ns + ValueAxis::kHoldNs + ValueAxis::kGlideNs + 2 * frame_ns;
      Range last = axis.range();
      for (; now_ns <= limit_ns; now_ns += frame_ns) {
        const Range range = axis.update(Range{0, 10}, now_ns);
        EXPECT_LE(range.high, last.high) << "must not turn back while shrinking";
        last = range;
      }
      EXPECT_EQ(axis.range(), before) << "spike " << spike << " frame " << frame_ns;
    }
  }
}

TEST(Axis, WaitsBeforeItShrinks) {
  ValueAxis axis(Unit::count);
  axis.update(Range{0, 100}, 0);
  const Range wide = axis.range();
  axis.update(Range{0, 10}, 1);
  EXPECT_EQ(axis.update(Range{0, 10}, ValueAxis::kHoldNs), wide);
  // Data that comes back within the hold leaves the axis where it was.
  axis.update(Range{0, 95}, ValueAxis::kHoldNs + 1);
  axis.update(Range{0, 10}, ValueAxis::kHoldNs + 2);
  EXPECT_EQ(axis.update(Range{0, 10}, 2 * ValueAxis::kHoldNs), wide);
}

TEST(Axis, ShrinksSmoothly) {
  ValueAxis axis(Unit::count);
  axis.update(Range{0, 1000}, 0);
  double before = axis.range().high;
  double largest_step = 0;
  for (std::int64_t now_ns = 0; now_ns < 3 * kSecond; now_ns += 16 * kMs) {
    const double high = axis.update(Range{0, 100}, now_ns).high;
    largest_step = std::max(largest_step, before - high);
    before = high;
  }
  EXPECT_LT(before, 200);
  // At 60 frames a second no frame moves the axis by more than a tenth of what it was.
  EXPECT_LT(largest_step, 100);
}

TEST(Axis, TheNumberOfFramesDoesNotMatter) {
  // The same data at 10 and at 100 frames a second: equal ranges wherever both draw a frame.
  ValueAxis slow(Unit::bytes), fast(Unit::bytes);
  const auto data = [](std::int64_t now_ns) { return now_ns < kSecond ? Range{0, 5e9} : Range{0, 1e9}; };
  for (std::int64_t now_ns = 0; now_ns < 5 * kSecond; now_ns += 10 * kMs) {
    const Range range = fast.update(data(now_ns), now_ns);
    if (now_ns % (100 * kMs) != 0) continue;
    const Range other = slow.update(data(now_ns), now_ns);
    EXPECT_DOUBLE_EQ(range.low, other.low) << now_ns;
    EXPECT_DOUBLE_EQ(range.high, other.high) << now_ns;
  }
}

TEST(Axis, DoesNotOscillate) {
  // Periodic data whose period fits the window, noise on a level, and an end that moves up and down
  // by a tenth: after it has settled the axis must not move at all.
  std::mt19937_64 random(7);
  for (int kind = 0; kind < 3; ++kind) {
    ValueAxis axis(Unit::count);
    Window window(50);
    Range settled;
    int moves = 0;
    for (int frame = 0; frame < 2000; ++frame) {
      const double noise = std::uniform_real_distribution<double>(-1, 1)(random);
      const double value = kind == 0   ? 50 + 40 * std::sin(frame * 0.2)
                           : kind == 1 ? 1000 + 20 * noise
                                       : (frame / 25 % 2 == 0 ? 100 : 90);
      window.push(value);
      const Range range = axis.update(window.extent(), frame * 100 * kMs);
      if (frame == 200) settled = range;
      if (frame > 200 && !(range == settled)) {
        ++moves;
        settled = range;
      }
    }
    EXPECT_LE(moves, 0) << "kind " << kind;
  }
}

TEST(Axis, KeepsUsefulWidth) {
  // Never more than about half empty once it has settled.
  std::mt19937_64 random(99);
  for (int run = 0; run < 500; ++run) {
    const double high = std::pow(10.0, std::uniform_real_distribution<double>(-6, 15)(random));
    ValueAxis axis(kUnits[static_cast<std::size_t>(run) % kUnits.size()]);
    Range range;
    for (int frame = 0; frame < 50; ++frame) range = axis.update(Range{high * 0.1, high}, frame * 100 * kMs);
    EXPECT_LE(range.high, high * 1.6) << high;
    EXPECT_LE(range.low, high * 0.1) << high;
    EXPECT_GE(range.low, -1e-12 * high) << "zero is the floor of what is not negative";
  }
}

TEST(Axis, StartsAtZeroWhereThatDoesNotFlattenTheData) {
  ValueAxis near_zero(Unit::bytes);
  EXPECT_EQ(near_zero.update(Range{3e9, 10e9}, 0).low, 0);
  ValueAxis far_from_zero(Unit::bytes);
  EXPECT_GT(far_from_zero.update(Range{9.5e9, 10e9}, 0).low, 8e9);
}

TEST(Axis, ConstantDataIsNotOnTheEdge) {
  for (const double value : {0.0, 1.0, -3.0, 42.0, 1e-9, 23.0 * 1024 * 1024 * 1024}) {
    ValueAxis axis(Unit::bytes);
    const Range range = axis.update(Range{value, value}, 0);
    EXPECT_LE(range.low, value);
    EXPECT_GT(range.high - range.low, std::fabs(value) * 1e-3);
    EXPECT_LT(range.high - range.low, std::max(2048.0, std::fabs(value) * 0.1)) << value;
  }
}

TEST(Axis, SmallNoiseOnALargeValueStaysSmall) {
  ValueAxis axis(Unit::bytes);
  const double gib = 1024.0 * 1024 * 1024;
  const Range range = axis.update(Range{23 * gib, 23 * gib + 4096}, 0);
  EXPECT_GT(range.high - range.low, 0.05 * gib);
}

TEST(Axis, FixedStaysAndAutoComesBack) {
  ValueAxis axis(Unit::count);
  axis.update(Range{0, 10}, 0);
  axis.fix(Range{2, 5});
  EXPECT_TRUE(axis.is_fixed());
  EXPECT_EQ(axis.update(Range{0, 1e9}, kSecond), (Range{2, 5}));
  axis.fix(std::nullopt);
  EXPECT_FALSE(axis.is_fixed());
  EXPECT_GE(axis.update(Range{0, 1e9}, 2 * kSecond).high, 1e9);
}

TEST(Axis, EmptyWindowsAndBackwardClocksMoveNothing) {
  ValueAxis axis(Unit::count);
  EXPECT_LT(axis.update(std::nullopt, 0).low, axis.range().high);
  axis.update(Range{0, 10}, 5 * kSecond);
  const Range range = axis.range();
  EXPECT_EQ(axis.update(std::nullopt, 6 * kSecond), range);
  EXPECT_EQ(axis.update(Range{0, 10}, kSecond), range);
}

}  // namespace
}  // namespace isotach::view
