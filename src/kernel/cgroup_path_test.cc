#include "kernel/cgroup_path.h"

#include <gtest/gtest.h>

namespace isotach::kernel {
namespace {

TEST(CgroupPath, TakesPathsAsPeopleTypeThem) {
  EXPECT_EQ(normal_cgroup_path("system.slice"), "/system.slice");
  EXPECT_EQ(normal_cgroup_path("/system.slice/"), "/system.slice");
  EXPECT_EQ(normal_cgroup_path("/sys/fs/cgroup/memory/lab/a"), "/lab/a");
  EXPECT_EQ(normal_cgroup_path("/sys/fs/cgroup/lab"), "/lab");
  EXPECT_EQ(normal_cgroup_path("/sys/fs/cgroup"), "/");
  EXPECT_EQ(normal_cgroup_path("/"), "/");
  EXPECT_EQ(normal_cgroup_path(""), "/");
}

TEST(CgroupPath, KnowsWhatIsBelow) {
  EXPECT_TRUE(is_in_cgroup("/a/b", "/a"));
  EXPECT_TRUE(is_in_cgroup("/a", "/a"));
  EXPECT_FALSE(is_in_cgroup("/ab", "/a"));
  EXPECT_TRUE(is_in_cgroup("/anything", "/"));
}

}  // namespace
}  // namespace isotach::kernel
