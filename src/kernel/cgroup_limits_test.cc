#include "kernel/cgroup_limits.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/fd.h"

namespace isotach::kernel {
namespace {

class CgroupLimitsTest : public testing::Test {
 protected:
  CgroupLimitsTest()
      : prefix_(testing::TempDir() + "cgroup_" +
                testing::UnitTest::GetInstance()->current_test_info()->name() + std::to_string(::getpid())) {
    for (const char* folder : {"", "/proc", "/proc/self", "/sys", "/sys/fs", "/sys/fs/cgroup",
                               "/sys/fs/cgroup/a", "/sys/fs/cgroup/a/b"})
      ::mkdir((prefix_ + folder).c_str(), 0755);
    set("proc/self/cgroup", "0::/a/b\n");
  }
  void set(const std::string& path, const std::string& text) {
    ASSERT_TRUE(replace_file(prefix_ + '/' + path, text));
  }
  [[nodiscard]] CgroupLimits limits() const { return read_cgroup_limits(SystemRoot(prefix_)); }

  std::string prefix_;
};

TEST_F(CgroupLimitsTest, TheNarrowestOnTheWayUpCounts) {
  set("sys/fs/cgroup/a/b/memory.max", "max\n");
  set("sys/fs/cgroup/a/memory.max", "2147483648\n");
  set("sys/fs/cgroup/a/b/cpu.max", "150000 100000\n");
  set("sys/fs/cgroup/a/cpu.max", "max 100000\n");
  EXPECT_EQ(limits().memory_bytes, Value::of(2147483648));
  EXPECT_EQ(limits().cpus, Value::of_real(1.5));
}

TEST_F(CgroupLimitsTest, TheRootGroupHasItsOwn) {
  set("proc/self/cgroup", "0::/\n");
  set("sys/fs/cgroup/memory.max", "4096\n");
  EXPECT_EQ(limits().memory_bytes, Value::of(4096));
}

TEST_F(CgroupLimitsTest, NoLimitIsMissing) {
  set("sys/fs/cgroup/a/b/memory.max", "max\n");
  EXPECT_TRUE(limits().memory_bytes.is_missing());
  EXPECT_TRUE(limits().cpus.is_missing());
}

TEST_F(CgroupLimitsTest, WhatCannotBeUnderstoodIsMissing) {
  set("sys/fs/cgroup/a/b/memory.max", "-5\n");
  set("sys/fs/cgroup/a/b/cpu.max", "100000 0\n");
  EXPECT_TRUE(limits().memory_bytes.is_missing());
  EXPECT_TRUE(limits().cpus.is_missing());
  for (const char* cgroup : {"", "garbage", "12:memory:/a/b\n", "0::/../../etc\n", "0::relative\n"}) {
    set("proc/self/cgroup", cgroup);
    set("sys/fs/cgroup/a/b/memory.max", "4096\n");
    EXPECT_TRUE(limits().memory_bytes.is_missing()) << cgroup;
  }
}

}  // namespace
}  // namespace isotach::kernel
