#include "network/connections/envelope.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace isotach::network {
namespace {

TEST(Envelope, KeepsEachPointWhileThereIsRoom) {
  Envelope envelope;
  for (int i = 0; i < 1000; ++i) envelope.add(i * 1000, i, i + 1);
  ASSERT_EQ(envelope.points().size(), 1000u);
  EXPECT_EQ(envelope.points()[7].time_ns, 7000);
  EXPECT_EQ(envelope.points()[7].low, 7);
  EXPECT_EQ(envelope.points()[7].high, 8);
}

TEST(Envelope, IsBoundedAndHidesNoExtreme) {
  Envelope envelope;
  constexpr int kMany = 1'000'000;
  for (int i = 0; i < kMany; ++i) envelope.add(std::int64_t{i} * 1234, i == 654'321 ? 1e9 : i == 77 ? -5 : 1);
  EXPECT_LE(envelope.points().size(), Envelope::kMostPoints);
  EXPECT_GT(envelope.points().size(), Envelope::kMostPoints / 4);
  EXPECT_EQ(envelope.added(), static_cast<std::uint64_t>(kMany));
  envelope.thin(10);
  ASSERT_LE(envelope.points().size(), 10u);
  double low = 0;
  double high = 0;
  for (const EnvelopePoint& point : envelope.points()) {
    low = std::min(low, point.low);
    high = std::max(high, point.high);
  }
  EXPECT_EQ(low, -5);
  EXPECT_EQ(high, 1e9);
  EXPECT_TRUE(
      std::is_sorted(envelope.points().begin(), envelope.points().end(),
                     [](const EnvelopePoint& a, const EnvelopePoint& b) { return a.time_ns < b.time_ns; }));
}

TEST(Envelope, TimeThatGoesBackwardsCountsAsTheLatest) {
  Envelope envelope;
  envelope.add(5'000'000'000, 1);
  envelope.add(1, 9);
  ASSERT_EQ(envelope.points().size(), 1u);
  EXPECT_EQ(envelope.points()[0].high, 9);
}

TEST(Amounts, LoseNothingWhenTheyAreAddedUp) {
  Amounts amounts;
  for (std::int64_t i = 0; i < 100'000; ++i) amounts.add(i * 1'000'000, 3);
  EXPECT_LE(amounts.pieces().size(), Amounts::kMostPieces);
  const auto sum = [&] { return std::accumulate(amounts.pieces().begin(), amounts.pieces().end(), 0.0); };
  EXPECT_EQ(sum(), 300'000);
  amounts.widen(50, 1'000'000);
  EXPECT_LE(amounts.pieces().size(), 50u);
  EXPECT_EQ(sum(), 300'000);
}

TEST(Amounts, BearTimesThatAreCenturiesApart) {
  Amounts amounts;
  amounts.add(-9'000'000'000'000'000'000, 1);
  amounts.add(9'000'000'000'000'000'000, 1);
  EXPECT_LE(amounts.pieces().size(), Amounts::kMostPieces);
}

}  // namespace
}  // namespace isotach::network
