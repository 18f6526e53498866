#include "command/replay_time.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <optional>

namespace isotach::command {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// The local zone is part of the grammar.
class ReplayTimeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* zone = std::getenv("TZ")) zone_ = zone;
    use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
  }
  void TearDown() override {
    if (zone_) {
      use_zone(zone_->c_str());
    } else {
      ::unsetenv("TZ");
      ::tzset();
    }
  }
  static void use_zone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  std::optional<std::string> zone_;
};

using Origin = ReplayTime::Origin;

void expect(const std::string& text, Origin origin, std::int64_t offset_ns) {
  const auto time = parse_replay_time(text, "--from");
  ASSERT_TRUE(time) << text;
  EXPECT_EQ(time->origin, origin) << text;
  EXPECT_EQ(time->offset_ns, offset_ns) << text;
}

TEST_F(ReplayTimeTest, UnderstandsOffsetsClocksAndDates) {
  expect("90s", Origin::start, 90 * kSecond);
  expect("1.5", Origin::start, kSecond * 3 / 2);
  expect("0", Origin::start, 0);
  expect("-10s", Origin::end, 10 * kSecond);
  expect("01:29", Origin::time_of_day, (3600 + 29 * 60) * kSecond);
  expect("01:29:23.25", Origin::time_of_day, (3600 + 29 * 60 + 23) * kSecond + kSecond / 4);
  expect("2026-11-23 01:29", Origin::wall, 1795393740 * kSecond);
  expect("2026-11-23T01:29:00Z", Origin::wall, 1795397340 * kSecond);
  expect("2026-07-01 00:00:01", Origin::wall, 1782856801 * kSecond);  // summer time
  expect("2026-11-23", Origin::wall, 1795388400 * kSecond);
}

TEST_F(ReplayTimeTest, RefusesTheRest) {
  for (const char* text :
       {"", "-", "--1s", "1:29", "24:00", "12:60", "12:30:", "12:30:1.", "12:30x", "2026-13-01", "2026-02-30",
        "2026-11-23 ", "9999-01-01", "yesterday", "10m ago", "1e99s"}) {
    const auto time = parse_replay_time(text, "--to");
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().kind, ErrorKind::usage);
    EXPECT_NE(time.error().message().find("--to"), std::string::npos);
  }
}

TEST_F(ReplayTimeTest, ATimeOfDayIsTheNextOneAfterTheStart) {
  const std::int64_t start = 1795393740 * kSecond;  // 01:29 on 23 November 2026
  const auto at = [](int hour, int minute) { return (hour * 60 + minute) * 60 * kSecond; };
  EXPECT_EQ(next_time_of_day(start, at(1, 29)), start);
  EXPECT_EQ(next_time_of_day(start, at(2, 0)), start + 31 * 60 * kSecond);
  EXPECT_EQ(next_time_of_day(start, at(1, 28)), start + (86400 - 60) * kSecond);
}

}  // namespace
}  // namespace isotach::command
