#include "base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace isotach {
namespace {

TEST(Histogram, isEmptyAtFirst) {
  const Histogram empty;
  EXPECT_EQ(empty.count(), 0u);
  EXPECT_EQ(empty.minimum(), 0u);
  EXPECT_EQ(empty.maximum(), 0u);
  EXPECT_EQ(empty.mean(), 0);
  EXPECT_EQ(empty.quantile(0.5), 0u);
}

TEST(Histogram, isExactForSmallValues) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 60; ++value) histogram.add(value);
  EXPECT_EQ(histogram.quantile(0.5), 30u);
  EXPECT_EQ(histogram.quantile(0), 1u);
  EXPECT_EQ(histogram.quantile(1), 60u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 30.5);
}

TEST(Histogram, staysWithinItsPrecision) {
  Histogram histogram;
  std::vector<std::uint64_t> values;
  std::uint64_t value = 1;
  for (int i = 0; i < 20000; ++i) {
    value = value * 6364136223846793005u + 1442695040888963407u;
    values.push_back(value >> (value % 60));
    histogram.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * 20000)) - 1;
    const auto exact = static_cast<double>(values[rank]);
    EXPECT_GE(static_cast<double>(histogram.quantile(share)), exact) << share;
    EXPECT_LE(static_cast<double>(histogram.quantile(share)), exact * (1 + 1.0 / 64)) << share;
  }
}

TEST(Histogram, takesTheLargestValue) {
  Histogram histogram;
  histogram.add(~std::uint64_t{0});
  histogram.add(0);
  EXPECT_EQ(histogram.maximum(), ~std::uint64_t{0});
  EXPECT_EQ(histogram.quantile(1), ~std::uint64_t{0});
  EXPECT_EQ(histogram.quantile(0.5), 0u);
}

TEST(Histogram, mergesAsIfAllHadGoneIntoOne) {
  Histogram first;
  Histogram second;
  Histogram all;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    (i % 3 == 0 ? first : second).add(i * i);
    all.add(i * i);
  }
  first.merge(second);
  EXPECT_EQ(first.buckets(), all.buckets());
  EXPECT_EQ(first.count(), all.count());
  EXPECT_EQ(first.minimum(), all.minimum());
  EXPECT_EQ(first.maximum(), all.maximum());
  EXPECT_DOUBLE_EQ(first.mean(), all.mean());
}

TEST(Histogram, travelsByItsBuckets) {
  Histogram sent;
  sent.add(5, 3);
  sent.add(1'000'000);
  sent.add(1'000'000'000);
  Histogram got;
  for (const auto& [bucket, count] : sent.buckets()) ASSERT_TRUE(got.add_bucket(bucket, count));
  EXPECT_EQ(got.count(), 5U);
  EXPECT_EQ(got.buckets(), sent.buckets());
  EXPECT_EQ(got.minimum(), 5U);
  EXPECT_EQ(got.quantile(0.5), sent.quantile(0.5));
  EXPECT_FALSE(got.add_bucket(1'000'000, 1));
}

}  // namespace
}  // namespace isotach
