#include "kernel/memory_groups.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/fd.h"

namespace isotach::kernel {
namespace {

TEST(MemoryGroupFiles, ValuesAreFoundByTheirWholeKey) {
  constexpr std::string_view kText = "cache 1\nswap 4096\ntotal_swap 8192\nswapcached\n";
  EXPECT_EQ(group_statistic(kText, "swap"), 4096u);
  EXPECT_EQ(group_statistic(kText, "total_swap"), 8192u);
  EXPECT_EQ(group_statistic(kText, "swapcached"), std::nullopt);
  EXPECT_EQ(group_statistic(kText, "rss"), std::nullopt);
  EXPECT_EQ(group_statistic("", "rss"), std::nullopt);
}

TEST(MemoryGroupFiles, NoLimitIsNone) {
  EXPECT_EQ(parse_group_limit("268435456\n"), 268435456u);
  EXPECT_EQ(parse_group_limit("0\n"), 0u);
  EXPECT_EQ(parse_group_limit("max\n"), std::nullopt);
  EXPECT_EQ(parse_group_limit("9223372036854771712\n"), std::nullopt);
  EXPECT_EQ(parse_group_limit(""), std::nullopt);
}

class MemoryGroupsTest : public testing::Test {
 protected:
  MemoryGroupsTest()
      : folder_(testing::TempDir() + "groups_" +
                testing::UnitTest::GetInstance()->current_test_info()->name() + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_ + "/a/b");
    std::filesystem::create_directories(folder_ + "/c");
  }
  ~MemoryGroupsTest() override { std::filesystem::remove_all(folder_); }

  void set(const std::string& path, const std::string& text) {
    ASSERT_TRUE(replace_file(folder_ + '/' + path, text));
  }

  std::string folder_;
};

TEST_F(MemoryGroupsTest, Version2CountsAGroupWithThoseBelowIt) {
  set("memory.stat", "anon 1\ninactive_file 10\nactive_file 20\n");
  set("a/memory.max", "268435456\n");
  set("a/memory.current", "200000000\n");
  set("a/memory.swap.current", "9000\n");
  set("a/memory.stat", "inactive_file 100\nactive_file 200\nswapcached 1000\n");
  set("a/memory.events", "low 0\nhigh 3\nmax 7\noom 2\noom_kill 1\n");
  set("a/b/memory.max", "max\n");
  set("a/b/memory.current", "100000000\n");
  set("a/b/memory.swap.current", "6000\n");
  set("a/b/memory.stat", "inactive_file 1\nactive_file 2\nswapcached 500\n");
  const auto groups = read_memory_groups({2, folder_});
  ASSERT_TRUE(groups);
  ASSERT_EQ(groups->size(), 4u);
  const MemoryGroup& root = (*groups)[0];
  EXPECT_EQ(root.path, "/");
  EXPECT_TRUE(root.usage_bytes.is_missing());  // the root has no such file
  EXPECT_TRUE(root.swap_bytes.is_missing());
  EXPECT_EQ(root.file_bytes, Value::of(30));
  const MemoryGroup& a = (*groups)[1];
  EXPECT_EQ(a.path, "/a");
  EXPECT_EQ(a.limit_bytes, 268435456u);
  EXPECT_EQ(a.usage_bytes, Value::of(200000000));
  EXPECT_EQ(a.file_bytes, Value::of(300));
  EXPECT_EQ(a.swap_bytes, Value::of(8000));
  EXPECT_EQ(a.own_swap_bytes, Value::of(2500));
  EXPECT_EQ(a.oom_kills, Value::of(1));
  const MemoryGroup& b = (*groups)[2];
  EXPECT_EQ(b.path, "/a/b");
  EXPECT_EQ(b.limit_bytes, std::nullopt);
  EXPECT_EQ(b.own_swap_bytes, Value::of(5500));
  EXPECT_EQ((*groups)[3].path, "/c");
  EXPECT_TRUE((*groups)[3].swap_bytes.is_missing());
}

TEST_F(MemoryGroupsTest, Version1TellsBothSums) {
  set("a/memory.limit_in_bytes", "268435456\n");
  set("a/memory.usage_in_bytes", "200000000\n");
  set("a/memory.stat", "cache 5\nswap 4096\ntotal_swap 12288\ntotal_inactive_file 1\ntotal_active_file 2\n");
  set("a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
  const auto groups = read_memory_groups({1, folder_});
  ASSERT_TRUE(groups);
  const MemoryGroup& a = (*groups)[1];
  EXPECT_EQ(a.limit_bytes, 268435456u);
  EXPECT_EQ(a.swap_bytes, Value::of(12288));
  EXPECT_EQ(a.own_swap_bytes, Value::of(4096));
  EXPECT_EQ(a.file_bytes, Value::of(3));
  EXPECT_EQ(a.oom_kills, Value::of(4));
  EXPECT_EQ(limit_file_of({1, folder_}, "/a"), folder_ + "/a/memory.limit_in_bytes");
  EXPECT_EQ(limit_file_of({2, folder_}, "/"), folder_ + "/memory.max");
}

TEST_F(MemoryGroupsTest, TheUseOfOneGroup) {
  set("a/memory.current", "5000\n");
  set("a/memory.swap.current", "100\n");
  set("a/memory.stat", "swapcached 500\n");  // read a moment later than the other: never below nothing
  const MemoryGroupUse use = read_group_use({2, folder_}, folder_ + "/a");
  EXPECT_EQ(use.usage_bytes, Value::of(5000));
  EXPECT_EQ(use.swap_bytes, Value::of(0));
  EXPECT_TRUE(read_group_use({1, folder_}, folder_ + "/a").usage_bytes.is_missing());
}

TEST_F(MemoryGroupsTest, Version2MustHandTheControllerDown) {
  set("cgroup.subtree_control", "cpu io\n");
  const auto why = why_no_group({2, folder_});
  ASSERT_TRUE(why);
  EXPECT_EQ(why->kind, ErrorKind::not_supported);
  EXPECT_NE(why->remedy.find("+memory"), std::string::npos);
  set("cgroup.subtree_control", "cpu memory\n");
  EXPECT_FALSE(why_no_group({2, folder_}));
  EXPECT_FALSE(read_memory_groups({2, folder_ + "/not/there"}));
}

TEST_F(MemoryGroupsTest, ALimitedGroupIsSlowedDownInVersion2) {
  const MemoryHierarchy hierarchy{2, folder_};
  const std::string folder = own_group_folder(hierarchy, "isotach-demo");
  // On a plain folder the kernel's files are not there: the limit cannot be set, and that is told.
  const auto made = make_limited_group(hierarchy, folder, 1 << 20);
  EXPECT_FALSE(made);
  EXPECT_FALSE(make_limited_group(hierarchy, folder, 1 << 20));
}

}  // namespace
}  // namespace isotach::kernel
