#include "kernel/slabinfo.h"

#include <gtest/gtest.h>

namespace isotach::kernel {
namespace {

constexpr std::string_view kHead = "slabinfo - version: 2.1\n# name <active_objs> <num_objs>\n";

TEST(Slabinfo, ReadsTheColumnsInTheirOrder) {
  std::vector<SlabCache> caches;
  const std::string text =
      std::string(kHead) + "dentry  87738  92799  192  21  1 : tunables 0 0 0 : slabdata 4419 4419 0\n";
  ASSERT_TRUE(parse_slabinfo(text, caches));
  ASSERT_EQ(caches.size(), 1U);
  EXPECT_EQ(caches[0].name, "dentry");
  EXPECT_EQ(caches[0].active_objects, 87738U);
  EXPECT_EQ(caches[0].objects, 92799U);
  EXPECT_EQ(caches[0].object_size_bytes, 192U);
  EXPECT_EQ(caches[0].objects_per_slab, 21U);
  EXPECT_EQ(caches[0].pages_per_slab, 1U);
}

TEST(Slabinfo, LeavesOutLinesThatCannotBeUnderstood) {
  std::vector<SlabCache> caches;
  const std::string text = std::string(kHead) + "broken 1 2\nwrong x 2 3 4 5\nright 1 2 3 4 5\n";
  ASSERT_TRUE(parse_slabinfo(text, caches));
  ASSERT_EQ(caches.size(), 1U);
  EXPECT_EQ(caches[0].name, "right");
}

TEST(Slabinfo, RefusesAnUnknownFormat) {
  std::vector<SlabCache> caches(3);
  EXPECT_FALSE(parse_slabinfo("slabinfo - version: 3.0\n", caches));
  EXPECT_TRUE(caches.empty());
  EXPECT_FALSE(parse_slabinfo("", caches));
}

}  // namespace
}  // namespace isotach::kernel
