#include "command/common_options.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace isotach::command {
namespace {

CommandSpec spec_of(std::vector<OptionSpec> options) {
  CommandSpec spec;
  spec.options = std::move(options);
  return spec;
}

Result<Format> format(const std::vector<std::string>& words) {
  return format_of(*parse_arguments(spec_of(format_options()), words));
}

TEST(FormatOptions, OneFormatAtOnce) {
  EXPECT_EQ(*format({}), Format::table);
  EXPECT_EQ(*format({"-J"}), Format::json);
  EXPECT_EQ(*format({"--json-stream"}), Format::json_stream);
  EXPECT_EQ(*format({"--csv"}), Format::csv);
  const auto both = format({"--csv", "--json"});
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().kind, ErrorKind::usage);
}

TEST(ParseInterval, TakesSecondsAndUnits) {
  EXPECT_EQ(*parse_interval_ns("1", "delay"), 1'000'000'000);
  EXPECT_EQ(*parse_interval_ns("0.25", "delay"), 250'000'000);
  EXPECT_EQ(*parse_interval_ns("10ms", "delay"), 10'000'000);
  EXPECT_EQ(*parse_interval_ns("100000000", "delay"), 100'000'000'000'000'000)
      << "vmstat takes three years too";
}

TEST(ParseInterval, RefusesWhatIsNoInterval) {
  for (const char* text : {"0", "9.99ms", "-1", "abc", "", " 1", "1 ", "1e3", "nan", "inf", "0x10",
                           "99999999999", "1e999", "1.5.2", "\x1b"}) {
    const auto interval = parse_interval_ns(text, "delay");
    ASSERT_FALSE(interval) << text;
    EXPECT_EQ(interval.error().kind, ErrorKind::usage) << text;
    EXPECT_FALSE(interval.error().remedy.empty()) << text;
  }
  EXPECT_EQ(parse_interval_ns("0", "delay").error().message(), "a delay of '0' is too short");
  EXPECT_EQ(parse_interval_ns("0", "interval").error().message(), "an interval of '0' is too short");
  EXPECT_EQ(parse_interval_ns("x", "delay").error().message(), "'x' is no delay");
}

TEST(ParseCount, IsAWholeNumberAboveZero) {
  EXPECT_EQ(*parse_count("1", "count"), 1u);
  EXPECT_EQ(*parse_count("18446744073709551615", "count"), 18446744073709551615u);
  for (const char* text : {"0", "-1", "1.5", "", "abc", "18446744073709551616", "+1", "1k"})
    EXPECT_FALSE(parse_count(text, "count")) << text;
}

class ProcRoot : public ::testing::Test {
 protected:
  ProcRoot() : folder_(::testing::TempDir() + "isotach_proc_root_" + std::to_string(::getpid())) {
    ::mkdir(folder_.c_str(), 0755);
  }
  ~ProcRoot() override {
    for (const char* entry : {"/proc/meminfo", "/stat", "/file"}) ::unlink((folder_ + entry).c_str());
    ::rmdir((folder_ + "/proc").c_str());
    ::rmdir(folder_.c_str());
  }
  Result<std::string> read(const std::string& value) {
    return proc_root_of(*parse_arguments(spec_of({proc_root_option()}), {"--proc-root=" + value}));
  }
  void touch(const std::string& entry) { std::ofstream(folder_ + entry) << "x\n"; }

  std::string folder_;
};

TEST_F(ProcRoot, IsTheLiveSystemUnlessGiven) {
  EXPECT_EQ(*proc_root_of(*parse_arguments(spec_of({proc_root_option()}), {})), "");
}

TEST_F(ProcRoot, TakesASavedTreeOrTheCopyOfAProcFolder) {
  ::mkdir((folder_ + "/proc").c_str(), 0755);
  touch("/proc/meminfo");
  EXPECT_EQ(*read(folder_), folder_);
  ::unlink((folder_ + "/proc/meminfo").c_str());
  EXPECT_FALSE(read(folder_));
  touch("/stat");
  EXPECT_EQ(*read(folder_), folder_);
}

TEST_F(ProcRoot, RefusesWhatIsNoFolderOrHoldsNothing) {
  EXPECT_EQ(read("").error().kind, ErrorKind::usage);
  EXPECT_EQ(read(folder_ + "/none").error().errno_value, ENOENT);
  touch("/file");
  EXPECT_EQ(read(folder_ + "/file").error().errno_value, ENOTDIR);
  EXPECT_EQ(read(folder_).error().kind, ErrorKind::usage);
}

}  // namespace
}  // namespace isotach::command
