#include "base/number_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

namespace isotach {
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

TEST(NumberText, EveryLengthOfWholeNumbers) {
  for (std::uint64_t power = 1, digits = 1; digits <= 19; power *= 10, ++digits) {
    for (const std::uint64_t number : {power - 1, power, power + 1, power * 9 + power / 7}) {
      char text[kLongestNumber];
      ASSERT_EQ(std::string(text, write_unsigned(text, number)), std::to_string(number));
    }
  }
}

// Fixed places must give what the fraction gives, also where that has an exponent or more than fifteen
// digits.
TEST(NumberText, FixedPlacesGiveTheTextOfTheFraction) {
  std::uint64_t state = 88172645463325252;
  const auto check = [](std::uint64_t number) {
    char text[kLongestNumber];
    ASSERT_EQ(std::string(text, write_millionths(text, number)),
              fmt::format("{}", static_cast<double>(number) / 1e6));
    const auto with_sign = static_cast<std::int64_t>(number);
    ASSERT_EQ(std::string(text, write_billionths(text, with_sign)),
              fmt::format("{}", static_cast<double>(with_sign) / 1e9));
  };
  for (const std::uint64_t number : {1ull, 99ull, 100ull, 99'999ull, 100'000ull, 1'000'000ull,
                                     1'000'000'000ull, 999'999'999'999'999ull, 1'000'000'000'000'000ull})
    check(number);
  for (int i = 0; i < 100'000; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    check(state >> (i % 60));
  }
  char text[kLongestNumber];
  EXPECT_EQ(std::string(text, write_millionths(text, 0)), "0");
  EXPECT_EQ(std::string(text, write_billionths(text, 0)), "0");
}

}  // namespace
}  // namespace isotach
