#include "kernel/process_cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace isotach::kernel {
namespace {

TEST(ProcessCgroup, PrefersTheMemoryControllerOfVersion1) {
  EXPECT_EQ(parse_memory_cgroup("8:pids:/a\n4:memory:/lab/hog\n0::/unified\n"), "/lab/hog");
  EXPECT_EQ(parse_memory_cgroup("4:hugetlb,memory:/both\n"), "/both");
  EXPECT_EQ(parse_memory_cgroup("2:cpuacct:/x\n0::/system.slice/db:1.service\n"),
            "/system.slice/db:1.service");
}

TEST(ProcessCgroup, UnderstandsNothingElse) {
  EXPECT_EQ(parse_memory_cgroup(""), std::nullopt);
  EXPECT_EQ(parse_memory_cgroup("0:\n:::\n0::relative\nmemory\n"), std::nullopt);
  EXPECT_EQ(parse_memory_cgroup("1:cpu:/a"), std::nullopt);
}

TEST(ProcessCgroup, TakesPathsAsPeopleTypeThem) {
  EXPECT_EQ(normal_cgroup_path("system.slice"), "/system.slice");
  EXPECT_EQ(normal_cgroup_path("/system.slice/"), "/system.slice");
  EXPECT_EQ(normal_cgroup_path("/sys/fs/cgroup/memory/lab/a"), "/lab/a");
  EXPECT_EQ(normal_cgroup_path("/sys/fs/cgroup/lab"), "/lab");
  EXPECT_EQ(normal_cgroup_path("/sys/fs/cgroup"), "/");
  EXPECT_EQ(normal_cgroup_path("/"), "/");
  EXPECT_EQ(normal_cgroup_path(""), "/");
}

TEST(ProcessCgroup, KnowsWhatIsBelow) {
  EXPECT_TRUE(is_in_cgroup("/a/b", "/a"));
  EXPECT_TRUE(is_in_cgroup("/a", "/a"));
  EXPECT_FALSE(is_in_cgroup("/ab", "/a"));
  EXPECT_TRUE(is_in_cgroup("/anything", "/"));
}

TEST(ProcessCgroup, FindsThatOfThisProcess) {
  const auto path = read_memory_cgroup(SystemRoot(), static_cast<unsigned>(::getpid()));
  if (path) {
    EXPECT_TRUE(path->starts_with('/'));
  }
  EXPECT_FALSE(read_memory_cgroup(SystemRoot("/nonexistent"), 1));
}

}  // namespace
}  // namespace isotach::kernel
