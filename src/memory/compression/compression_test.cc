#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "memory/compression/compressor.h"
#include "memory/compression/estimate.h"
#include "memory/compression/pool_model.h"

namespace isotach::memory {
namespace {

constexpr std::size_t kPage = 4096;

std::vector<char> random_page(std::mt19937_64& random, std::size_t different_bytes) {
  std::vector<char> page(kPage, 'a');
  for (std::size_t i = 0; i < different_bytes; ++i) page[i] = static_cast<char>(random());
  return page;
}

TEST(PoolModel, HasTheClassesOfTheKernel) {
  // As /sys/kernel/debug/zsmalloc/*/classes shows them with pages of 4 KiB.
  const PoolModel eight(kPage, 8);
  EXPECT_EQ(eight.huge_limit_bytes(), 3625u);  // class of 3632 bytes: 8 pages hold 9
  const PoolModel four(kPage, 4);
  EXPECT_EQ(four.huge_limit_bytes(), 3257u);  // class of 3264 bytes: 4 pages hold 5
  for (const PoolModel& model : {eight, four}) {
    for (std::uint64_t bytes = 1; bytes <= kPage; ++bytes) {
      const PoolModel::Class& in = model.classes()[model.class_of(bytes)];
      EXPECT_GE(in.object_bytes, std::min<std::uint64_t>(bytes + 8, kPage)) << bytes;
      EXPECT_LE(in.chain_objects * in.object_bytes, in.chain_pages * kPage);
    }
    EXPECT_EQ(model.classes()[model.class_of(kPage)].chain_objects, 1u);
    EXPECT_EQ(model.classes()[model.class_of(1)].object_bytes, 32u);
  }
}

TEST(PoolModel, WorksForLargerPages) {
  const PoolModel model(65536, 8);
  EXPECT_GT(model.huge_limit_bytes(), 32768u);
  EXPECT_LT(model.huge_limit_bytes(), 65536u);
  EXPECT_EQ(model.classes()[model.class_of(65536)].chain_objects, 1u);
}

TEST(Compressor, KnowsTheNamesOfTheKernel) {
  EXPECT_EQ(compression_named("lz4"), Compression::lz4);
  EXPECT_EQ(compression_named("lzo-rle"), Compression::lzo);
  EXPECT_EQ(compression_named("zstd"), Compression::zstd);
  EXPECT_EQ(compression_named("842"), std::nullopt);
  EXPECT_FALSE(is_exact_model("lzo-rle"));
  EXPECT_TRUE(is_exact_model("lz4"));
}

TEST(Compressor, CompressesWhatCanBe) {
  std::mt19937_64 random(1);
  const std::vector<char> noise = random_page(random, kPage);
  const std::vector<char> quarter = random_page(random, kPage / 4);
  for (const Compression algorithm : {Compression::lz4, Compression::lzo, Compression::zstd}) {
    Compressor compressor(algorithm, kPage);
    EXPECT_GT(compressor.size_of(noise), 4000u);
    const std::size_t size = compressor.size_of(quarter);
    EXPECT_GT(size, 1000u);
    EXPECT_LT(size, 1200u);
    EXPECT_LT(compressor.size_of(std::vector<char>(kPage, '\0')), 100u);
    // The same again: nothing is kept from page to page.
    EXPECT_EQ(compressor.size_of(quarter), size);
  }
}

TEST(Compressor, SeesAWordThatRepeats) {
  std::vector<char> page(kPage, '\0');
  EXPECT_TRUE(is_same_filled(page));
  for (std::size_t i = 0; i < kPage; i += 8) page[i] = 7;
  EXPECT_TRUE(is_same_filled(page));
  page[kPage - 1] = 1;
  EXPECT_FALSE(is_same_filled(page));
  page[kPage - 1] = 0;
  page[4] = 1;
  EXPECT_FALSE(is_same_filled(page));
}

TEST(PoolEstimate, AddsUpAWholeSample) {
  const PoolModel model(kPage);
  PoolSample sample(model, kPage);
  for (int i = 0; i < 900; ++i) sample.add(1000);
  for (int i = 0; i < 100; ++i) sample.add(4000);  // stored whole
  for (int i = 0; i < 1000; ++i) sample.add_same_filled();
  const PoolEstimate estimate = sample.estimate(2000);
  EXPECT_EQ(estimate.same_filled, 0.5);
  EXPECT_EQ(estimate.incompressible, 0.05);
  EXPECT_EQ(estimate.data_bytes, 900 * 1000 + 100 * 4096);
  // 1008 bytes a piece and a little for what is begun.
  EXPECT_NEAR(estimate.pool_bytes, 900 * 1024 + 100 * 4096, 20000);
  EXPECT_LE(estimate.low_bytes, estimate.pool_bytes);
  EXPECT_GE(estimate.high_bytes, estimate.pool_bytes);
}

TEST(PoolEstimate, TheIntervalHoldsTheTruthIn95Of100Samples) {
  const PoolModel model(kPage);
  std::mt19937_64 random(5);
  std::vector<std::uint64_t> sizes;
  for (int i = 0; i < 20000; ++i) sizes.push_back(random() % 5 == 0 ? 0 : 200 + random() % 3900);
  PoolSample whole(model, kPage);
  const auto add = [](PoolSample& sample, std::uint64_t size) {
    if (size == 0)
      sample.add_same_filled();
    else
      sample.add(size);
  };
  for (const std::uint64_t size : sizes) add(whole, size);
  const double truth = whole.estimate(sizes.size()).pool_bytes;
  int held = 0;
  constexpr int kTrials = 200;
  for (int trial = 0; trial < kTrials; ++trial) {
    PoolSample sample(model, kPage);
    for (const std::uint64_t size : sizes)
      if (random() % 32 == 0) add(sample, size);
    const PoolEstimate estimate = sample.estimate(sizes.size());
    if (estimate.low_bytes <= truth && truth <= estimate.high_bytes) ++held;
  }
  EXPECT_GE(held * 100, kTrials * 95);
}

TEST(PoolEstimate, NothingIsNothing) {
  const PoolModel model(kPage);
  EXPECT_EQ(PoolSample(model, kPage).estimate(1000).pool_bytes, 0);
}

}  // namespace
}  // namespace isotach::memory
