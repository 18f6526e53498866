#include "kernel/compressed_swap.h"

#include <gtest/gtest.h>

namespace isotach::kernel {
namespace {

TEST(CompressedSwap, ReadsAlgorithms) {
  const AlgorithmChoice choice = parse_algorithms("lzo-rle lzo [lz4] zstd \n");
  EXPECT_EQ(choice.chosen, "lz4");
  EXPECT_EQ(choice.offered, (std::vector<std::string>{"lzo-rle", "lzo", "lz4", "zstd"}));
  EXPECT_TRUE(parse_algorithms("").offered.empty());
  EXPECT_TRUE(parse_algorithms("[] [").chosen.empty());
}

TEST(CompressedSwap, ReadsTheStatisticsOfADevice) {
  std::array<Value, kZramFieldCount> values;
  parse_zram_statistics("  8192 74 12288 0 12288 1 0 x\n", values);
  EXPECT_EQ(values[0], Value::of(8192));
  EXPECT_EQ(values[2], Value::of(12288));
  EXPECT_EQ(values[7], Value(Missing::malformed));
  EXPECT_EQ(values[8], Value(Missing::not_supported));  // a kernel without this column
  parse_zram_statistics("", values);
  EXPECT_TRUE(values[0].is_missing());
}

TEST(CompressedSwap, ASystemWithoutHasNone) {
  EXPECT_TRUE(read_zram_devices(SystemRoot("/nonexistent")).empty());
  EXPECT_FALSE(read_zswap(SystemRoot("/nonexistent")).supported);
}

}  // namespace
}  // namespace isotach::kernel
