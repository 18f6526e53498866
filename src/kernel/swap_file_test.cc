#include "kernel/swap_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fiemap.h>
#include <sys/stat.h>
#include <unistd.h>

#include <limits>

namespace isotach::kernel {
namespace {

constexpr std::uint64_t kMi = 1 << 20;

TEST(SwappableExtents, AllOfItMustBeOnTheDisk) {
  EXPECT_EQ(why_not_swappable({{0, kMi, 0}}, kMi), std::nullopt);
  EXPECT_EQ(why_not_swappable({{0, kMi, FIEMAP_EXTENT_UNWRITTEN}}, kMi), std::nullopt);
  EXPECT_EQ(why_not_swappable({{0, 4096, 0}, {4096, kMi, FIEMAP_EXTENT_LAST}}, kMi), std::nullopt);
  EXPECT_EQ(why_not_swappable({{0, 4096, 0}, {8192, kMi, 0}}, kMi), "there is a hole at 4096");
  EXPECT_EQ(why_not_swappable({{4096, kMi, 0}}, kMi), "there is a hole at 0");
  EXPECT_EQ(why_not_swappable({}, kMi), "there is a hole at 0");
  EXPECT_EQ(why_not_swappable({}, 0), std::nullopt);
}

TEST(SwappableExtents, NorMayTheyBeSpecial) {
  for (const std::uint32_t flag : {FIEMAP_EXTENT_UNKNOWN, FIEMAP_EXTENT_DELALLOC, FIEMAP_EXTENT_DATA_INLINE,
                                   FIEMAP_EXTENT_ENCODED, FIEMAP_EXTENT_SHARED, FIEMAP_EXTENT_DATA_TAIL})
    EXPECT_TRUE(why_not_swappable({{0, kMi, static_cast<std::uint32_t>(flag)}}, kMi)) << flag;
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_TRUE(why_not_swappable({{0, 4096, 0}, {4096, most, 0}}, kMi));
}

class SwapFileTest : public testing::Test {
 protected:
  SwapFileTest() : folder_(testing::TempDir() + "swap_file_" + std::to_string(::getpid())) {
    ::mkdir(folder_.c_str(), 0755);
  }
  ~SwapFileTest() override {
    for (const char* name : {"/swap", "/other"}) ::unlink((folder_ + name).c_str());
    ::rmdir(folder_.c_str());
  }

  std::string folder_;
};

TEST_F(SwapFileTest, IsMadeWithoutHolesAndRecognised) {
  const std::string path = folder_ + "/swap";
  for (const SwapFileMethod method : {SwapFileMethod::preallocate, SwapFileMethod::write}) {
    auto file = NewSwapFile::create(folder_, {"test", method, {}, {}});
    if (!file) GTEST_SKIP() << file.error().message();
    EXPECT_EQ(look_at_swap_path(path)->use, SwapPathUse::nothing);
    ASSERT_TRUE(file->allocate(kMi, [](std::uint64_t) { return true; }));
    const auto finished = file->finish({4096, 255, 0, {}, "test"});
    if (!finished) GTEST_SKIP() << finished.error().message();  // tmpfs
    ASSERT_TRUE(file->give_name(path));
    const auto state = look_at_swap_path(path);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->use, SwapPathUse::unused_swap_file);
    EXPECT_EQ(state->size_bytes, kMi);
    EXPECT_EQ(state->header.label, "test");
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    EXPECT_EQ(status.st_ino, file->inode());
    const auto again = file->give_name(path);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().errno_value, EEXIST);
    ::unlink(path.c_str());
  }
}

TEST_F(SwapFileTest, WritingEndsWhenAsked) {
  auto file = NewSwapFile::create(folder_, {"test", SwapFileMethod::write, {}, {}});
  if (!file) GTEST_SKIP() << file.error().message();
  const auto allocated = file->allocate(64 * kMi, [](std::uint64_t done) { return done < 2 * kMi; });
  ASSERT_FALSE(allocated);
  EXPECT_EQ(allocated.error().errno_value, ECANCELED);
}

TEST_F(SwapFileTest, WhatIsSomebodyElsesIsNamed) {
  const std::string path = folder_ + "/other";
  ASSERT_TRUE(replace_file(path, "somebody's letter"));
  auto state = look_at_swap_path(path);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->use, SwapPathUse::other);
  EXPECT_EQ(state->what, "a file that is no swap area");
  ::unlink(path.c_str());
  ASSERT_EQ(::symlink("swap", path.c_str()), 0);
  EXPECT_EQ(look_at_swap_path(path)->what, "a symbolic link");
  EXPECT_EQ(look_at_swap_path(folder_)->what, "a folder");
  EXPECT_EQ(look_at_swap_path("/dev/null")->what, "a device");
}

TEST_F(SwapFileTest, PathsAreThoseOfTheKernel) {
  EXPECT_EQ(*absolute_swap_path("/swapfile"), "/swapfile");
  EXPECT_EQ(*absolute_swap_path("/proc/../etc/swap"), "/etc/swap");
  EXPECT_FALSE(absolute_swap_path("/etc/"));
  EXPECT_FALSE(absolute_swap_path(".."));
  EXPECT_FALSE(absolute_swap_path("/no/such/folder/swap"));
}

}  // namespace
}  // namespace isotach::kernel
