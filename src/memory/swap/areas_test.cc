#include "memory/swap/areas.h"

#include <gtest/gtest.h>

#include <limits>

namespace isotach::memory {
namespace {

kernel::SwapDevice area(const char* path, std::uint64_t size_kib, std::uint64_t used_kib, int priority) {
  return {path, "file", size_kib, used_kib, priority};
}

TEST(SwapAreas, OneAreaIsExact) {
  const SwapAreas areas = summarize_areas({area("/a", 1000, 400, -2)}, Value::of(100));
  EXPECT_EQ(areas.used_bytes, 400u * 1024);
  EXPECT_EQ(areas.out_bytes, Value::of(300 * 1024));
  EXPECT_EQ(areas.rows[0].least_out_bytes, Value::of(300 * 1024));
  EXPECT_EQ(areas.rows[0].most_out_bytes, Value::of(300 * 1024));
}

TEST(SwapAreas, SeveralAreWithinBoundsAndInTheOrderOfFilling) {
  const SwapAreas areas = summarize_areas(
      {area("/a", 1000, 400, 10), area("/b", 1000, 50, 20), area("/c", 9, 0, -2)}, Value::of(100));
  ASSERT_EQ(areas.rows.size(), 3u);
  EXPECT_EQ(areas.rows[0].area.path, "/b");
  EXPECT_EQ(areas.rows[0].least_out_bytes, Value::of(0));
  EXPECT_EQ(areas.rows[0].most_out_bytes, Value::of(50 * 1024));
  EXPECT_EQ(areas.rows[1].least_out_bytes, Value::of(300 * 1024));
  EXPECT_EQ(areas.rows[1].most_out_bytes, Value::of(350 * 1024));
  EXPECT_EQ(areas.rows[2].most_out_bytes, Value::of(0));
  EXPECT_EQ(areas.out_bytes, Value::of(350 * 1024));
}

TEST(SwapAreas, NothingIsNeverBelowNothing) {
  const SwapAreas areas = summarize_areas({area("/a", 1000, 4, 1)}, Value::of(100));
  EXPECT_EQ(areas.cached_bytes, Value::of(4 * 1024));
  EXPECT_EQ(areas.out_bytes, Value::of(0));
  EXPECT_TRUE(summarize_areas({}, Value::of(0)).rows.empty());
}

TEST(SwapAreas, AMissingSwapCacheIsMissing) {
  const SwapAreas areas = summarize_areas({area("/a", 1000, 4, 1)}, Missing::not_supported);
  EXPECT_TRUE(areas.out_bytes.is_missing());
  EXPECT_TRUE(areas.rows[0].least_out_bytes.is_missing());
}

TEST(SwapAreas, AbsurdNumbersDoNotWrap) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const SwapAreas areas =
      summarize_areas({area("/a", most, most, 1), area("/b", most, most, 1)}, Value::of(most));
  EXPECT_EQ(areas.used_bytes, most);
  EXPECT_EQ(areas.out_bytes, Value::of(0));
  EXPECT_EQ(areas.rows[1].least_out_bytes, Value::of(0));
}

TEST(SwapAreas, ZramIsKnownByItsName) {
  EXPECT_TRUE(is_zram("/dev/zram0"));
  EXPECT_TRUE(is_zram("/dev/zram12"));
  EXPECT_FALSE(is_zram("/dev/zram"));
  EXPECT_FALSE(is_zram("/dev/zramdisk1"));
  EXPECT_FALSE(is_zram("/home/dev/zram0"));
}

}  // namespace
}  // namespace isotach::memory
