#include "kernel/memory_hierarchy.h"

#include <gtest/gtest.h>

namespace isotach::kernel {
namespace {

constexpr const char* kBoth =
    "30 23 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:2 - cgroup2 cgroup2 rw\n"
    "33 30 0:28 / /sys/fs/cgroup/memory rw,nosuid shared:3 master:4 - cgroup cgroup rw,memory\n";
constexpr const char* kUnified =
    "23 29 0:22 / /proc rw - proc proc rw\n"
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(MemoryHierarchy, VersionOneWhereTheControllerIsThere) {
  const auto found = parse_memory_hierarchy(kBoth, "cpu io");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->version, 1);
  EXPECT_EQ(found->folder, "/sys/fs/cgroup/memory");
}

TEST(MemoryHierarchy, VersionTwoOnlyWithTheController) {
  const auto found = parse_memory_hierarchy(kUnified, "cpuset cpu io memory pids\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->version, 2);
  EXPECT_EQ(found->folder, "/sys/fs/cgroup");
  EXPECT_FALSE(parse_memory_hierarchy(kUnified, "cpu io pids\n"));
}

TEST(MemoryHierarchy, NoneWhereNothingIsMounted) {
  EXPECT_FALSE(parse_memory_hierarchy("", "memory"));
  EXPECT_FALSE(parse_memory_hierarchy("1 2 3\n- - - -\n30 23 0:26 / /x rw -\n", "memory"));
}

TEST(MemoryHierarchy, GroupOfAProcess) {
  const char* both = "4:cpu,memory:/a/b\n3:memoryless:/wrong\n0::/init.scope\n";
  EXPECT_EQ(parse_memory_group(both, 1), "/a/b");
  EXPECT_EQ(parse_memory_group(both, 2), "/init.scope");
  EXPECT_FALSE(parse_memory_group("0::/../outside\n", 2));
  EXPECT_FALSE(parse_memory_group("garbage\n:\n0:\n", 2));
  EXPECT_EQ(parse_memory_group("4:memory:/with:colon\n", 1), "/with:colon");
}

}  // namespace
}  // namespace isotach::kernel
