#include "command/traffic/rotated_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace isotach::command {
namespace {

class RotatedLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "isotach-log-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string content(const std::string& name) const {
    return read_file(folder_ + "/" + name).value_or("absent");
  }
  [[nodiscard]] Result<RotatedLog> open(const Rotation& rotation) {
    return RotatedLog::open(folder_ + "/log", rotation, "head\n", clock_);
  }

  std::string folder_;
  ManualClock clock_;
};

TEST_F(RotatedLogTest, LargeFilesAreePutAside) {
  auto log = open({.bytes = 20, .age_ns = 0, .kept = 2});
  ASSERT_TRUE(log);
  for (const char* line : {"0123456789\n", "a23456789\n", "b23456789\n", "c23456789\n"})
    ASSERT_TRUE(log->write(line));
  EXPECT_EQ(content("log"), "head\nc23456789\n");
  EXPECT_EQ(content("log.1"), "head\nb23456789\n");
  EXPECT_EQ(content("log.2"), "head\na23456789\n");
  EXPECT_EQ(content("log.3"), "absent");
  EXPECT_EQ(log->rotations(), 3u);
}

TEST_F(RotatedLogTest, OldFilesArePutAsideUnlessEmpty) {
  auto log = open({.bytes = 0, .age_ns = 1000, .kept = 8});
  ASSERT_TRUE(log);
  clock_.advance_ns(5000);
  ASSERT_TRUE(log->write("one\n"));
  EXPECT_EQ(content("log.1"), "absent");
  clock_.advance_ns(5000);
  ASSERT_TRUE(log->write("two\n"));
  EXPECT_EQ(content("log.1"), "head\none\n");
  EXPECT_EQ(content("log"), "head\ntwo\n");
}

TEST_F(RotatedLogTest, ASecondStartGoesOnInTheFile) {
  ASSERT_TRUE(open({})->write("one\n"));
  ASSERT_TRUE(open({})->write("two\n"));
  EXPECT_EQ(content("log"), "head\none\ntwo\n");
}

TEST_F(RotatedLogTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_FALSE(RotatedLog::open(folder_ + "/no/log", {}, "", clock_));
}

TEST(Rotation, SizesAndAges) {
  EXPECT_EQ(parse_rotation("10M")->bytes, 10'000'000u);
  EXPECT_EQ(parse_rotation("64Ki")->bytes, 65536u);
  EXPECT_EQ(parse_rotation("10m")->age_ns, 600 * kNanosecondsPerSecond);
  EXPECT_EQ(parse_rotation("1d")->age_ns, 86400 * kNanosecondsPerSecond);
  EXPECT_EQ(parse_rotation("1G,1h")->bytes, 1'000'000'000u);
  EXPECT_EQ(parse_rotation("1G,1h")->age_ns, 3600 * kNanosecondsPerSecond);
  for (const char* wrong : {"", "big", "12", "0.1s", "10M,", "-1h"})
    EXPECT_FALSE(parse_rotation(wrong)) << wrong;
}

}  // namespace
}  // namespace isotach::command
