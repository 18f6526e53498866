#include "view/export/number_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

namespace isotach::view {
namespace {

std::string real(double number) {
  std::string text;
  append_real(text, number);
  return text;
}

TEST(NumberText, WholeNumbersOfEverySize) {
  std::string text;
  append_unsigned(text, 0);
  append_unsigned(text, 10);
  append_unsigned(text, std::numeric_limits<std::uint64_t>::max());
  append_integer(text, std::numeric_limits<std::int64_t>::min());
  append_integer(text, -7);
  EXPECT_EQ(text, "01018446744073709551615-9223372036854775808-7");
}

TEST(NumberText, RealNumbersAreAsShortAsTheyCanBe) {
  EXPECT_EQ(real(0), "0");
  EXPECT_EQ(real(-0.0), "-0");
  EXPECT_EQ(real(0.1), "0.1");
  EXPECT_EQ(real(1448), "1448");
  EXPECT_EQ(real(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(real(12.000001), "12.000001");
  EXPECT_EQ(real(0.0001), "0.0001");
  EXPECT_EQ(real(0.00001), "1e-05");
  EXPECT_EQ(real(999999999.999999), "999999999.999999");
}

// The short way and the general one must never differ.
TEST(NumberText, EveryWayGivesTheSameText) {
  std::uint64_t state = 88172645463325252;
  for (int i = 0; i < 200'000; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    const double divisor = i % 4 == 0 ? 1e6 : i % 4 == 1 ? 1e3 : i % 4 == 2 ? 7 : 1e9;
    const double number = static_cast<double>(state >> (i % 60)) / divisor;
    ASSERT_EQ(real(number), fmt::format("{}", number));
  }
}

}  // namespace
}  // namespace isotach::view
