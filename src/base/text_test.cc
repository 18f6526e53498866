#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>
#include <limits>

namespace isotach {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

TEST(ParseUnsigned, TakesWholeNumbersOnly) {
  EXPECT_EQ(parse_unsigned("0"), 0u);
  EXPECT_EQ(parse_unsigned("007"), 7u);
  EXPECT_EQ(parse_unsigned("18446744073709551615"), kLargest);
  for (const char* bad :
       {"", "-1", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "18446744073709551616", "ten", "1\n"})
    EXPECT_EQ(parse_unsigned(bad), std::nullopt) << bad;
}

TEST(ParseReal, TakesFiniteNumbersOnly) {
  EXPECT_EQ(parse_real("0.25"), 0.25);
  EXPECT_EQ(parse_real("-3"), -3.0);
  for (const char* bad : {"", "nan", "inf", "-inf", "1e999", " 1", "1,5", "0.5s"})
    EXPECT_EQ(parse_real(bad), std::nullopt) << bad;
}

TEST(ParseDuration, KnowsItsUnits) {
  const std::pair<const char*, std::int64_t> cases[] = {{"1", 1'000'000'000},
                                                        {"0.25", 250'000'000},
                                                        {"10ms", 10'000'000},
                                                        {"250us", 250'000},
                                                        {"7ns", 7},
                                                        {"2m", 120'000'000'000},
                                                        {"2min", 120'000'000'000},
                                                        {"1h", 3'600'000'000'000},
                                                        {"1d", 86'400'000'000'000},
                                                        {"1.5s", 1'500'000'000},
                                                        {"0", 0},
                                                        {".5", 500'000'000}};
  for (const auto& [text, duration_ns] : cases) {
    const auto parsed = parse_duration_ns(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, duration_ns) << text;
  }
}

TEST(ParseDuration, RefusesTheRestAsAUsageError) {
  for (const char* bad :
       {"", "-1", "-0", "abc", "1x", "1 s", "nan", "inf", "1e5s", "s", "99999999999999999999", "1ms5"}) {
    const auto parsed = parse_duration_ns(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().kind, ErrorKind::usage) << bad;
    EXPECT_FALSE(parsed.error().remedy.empty()) << bad;
  }
}

TEST(ParseSize, TellsBinaryFromDecimalUnits) {
  const std::pair<const char*, std::uint64_t> cases[] = {{"4096", 4096},
                                                         {"2K", 2000},
                                                         {"2k", 2000},
                                                         {"2Ki", 2048},
                                                         {"32KiB", 32768},
                                                         {"1GB", 1000000000},
                                                         {"5B", 5},
                                                         {"1.5M", 1500000},
                                                         {"10Mi", 10u << 20},
                                                         {"16E", 16000000000000000000u},
                                                         {"15Ei", 15ull << 60},
                                                         {"9223372036854775809", 9223372036854775809u}};
  for (const auto& [text, size] : cases) {
    const auto parsed = parse_size(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, size) << text;
  }
}

TEST(ParseSize, KeepsTheLargestNumbersExact) {
  EXPECT_EQ(parse_size("18446744073709551615").value(), kLargest);
  EXPECT_EQ(parse_size("18446744073709551615B").value(), kLargest);
  EXPECT_EQ(parse_size("9007199254740993").value(), 9007199254740993u);  // 2^53 + 1
}

TEST(ParseSize, RefusesWhatDoesNotFitOrIsNoSize) {
  for (const char* bad :
       {"", "-1", "18446744073709551616", "16Ei", "19E", "5iB", "1Q", "1KK", "Ki", "1 M", "nan"})
    EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Split, LeavesOutOrKeepsEmptyPieces) {
  EXPECT_THAT(split_blanks("  a \t b  "), ElementsAre("a", "b"));
  EXPECT_THAT(split_blanks(" \t "), IsEmpty());
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_EQ(trim(" \t x y\r\n"), "x y");
  EXPECT_EQ(trim("\n"), "");
}

TEST(Utf8, AcceptsValidCharactersOnly) {
  EXPECT_EQ(utf8_length("a"), 1u);
  EXPECT_EQ(utf8_length("ü"), 2u);
  EXPECT_EQ(utf8_length("測"), 3u);
  EXPECT_EQ(utf8_length("😀"), 4u);
  EXPECT_EQ(utf8_length(""), 0u);
  EXPECT_EQ(utf8_length("\xc3"), 0u);              // cut off
  EXPECT_EQ(utf8_length("\xc0\x80"), 0u);          // overlong
  EXPECT_EQ(utf8_length("\xe0\x80\x80"), 0u);      // overlong
  EXPECT_EQ(utf8_length("\xed\xa0\x80"), 0u);      // surrogate
  EXPECT_EQ(utf8_length("\xf4\x90\x80\x80"), 0u);  // past U+10FFFF
  EXPECT_EQ(utf8_length("\x80"), 0u);              // continuation alone
  EXPECT_EQ(utf8_length("\xff"), 0u);
}

class DisplayWidth : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) GTEST_SKIP() << "there is no locale C.UTF-8";
  }
};

TEST_F(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("Süß"), 3u);
  EXPECT_EQ(display_width("測量"), 4u);
  EXPECT_EQ(display_width("e\xcc\x81"), 1u);  // combining accent
  EXPECT_EQ(display_width("a\x1b\xff"), 3u);
}

TEST_F(DisplayWidth, FitsNeverExceedTheColumns) {
  EXPECT_EQ(fit_columns("memory", 6), "memory");
  EXPECT_EQ(fit_columns("memory", 5), "memo…");
  EXPECT_EQ(fit_columns("memory", 1), "…");
  EXPECT_EQ(fit_columns("memory", 0), "");
  EXPECT_EQ(fit_columns("測量量", 4), "測…");  // a wide character is not cut in half
  EXPECT_EQ(fit_columns("測量量", 2), "…");
}

TEST(Printable, ReplacesWhatActsOnATerminal) {
  EXPECT_EQ(printable("eth0"), "eth0");
  EXPECT_EQ(printable("\x1b[31mred"), "?[31mred");
  EXPECT_EQ(printable("a\nb\tc\x7f"), "a?b?c?");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m");  // CSI as one character of C1
  EXPECT_EQ(printable("ü\xc3"), "ü?");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
}

TEST(NearestWord, FindsWhatWasMeantOrNothing) {
  const std::vector<std::string> words = {"record", "replay", "plot", "vm", "--json"};
  EXPECT_EQ(nearest_word("recrod", words), "record");
  EXPECT_EQ(nearest_word("--jsn", words), "--json");
  EXPECT_EQ(nearest_word("vn", words), "vm");
  EXPECT_EQ(nearest_word("quantum", words), std::nullopt);
  EXPECT_EQ(nearest_word("", words), std::nullopt);
  EXPECT_EQ(nearest_word("vm", {}), std::nullopt);
}

}  // namespace
}  // namespace isotach
