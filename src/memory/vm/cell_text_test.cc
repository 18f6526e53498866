#include "memory/vm/cell_text.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace isotach::memory {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr TableUnit kKib{1024, 'K'};

std::string plain(const Cell& cell, Form form, TableUnit unit = kKib, bool since_boot = false) {
  return std::string(cell_text(cell, form, unit, since_boot).view());
}

std::string brief(const Cell& cell, Form form, std::size_t width) {
  return std::string(short_cell_text(cell, form, kKib, false, width).view());
}

std::string human(std::uint64_t kib, bool si = false) {
  return std::string(human_text(Cell::of(kib), si).view());
}

TEST(CellText, MemoryIsInWholeUnitsRoundedDown) {
  EXPECT_EQ(plain(Cell::of(3), Form::kib), "3");
  EXPECT_EQ(plain(Cell::of(3), Form::kib, {1, 'B'}), "3072");
  EXPECT_EQ(plain(Cell::of(1999), Form::kib, {1000, 'k'}), "2046");
  EXPECT_EQ(plain(Cell::of(2047), Form::kib, {1'048'576, 'M'}), "1");
}

TEST(CellText, AllSixtyFourBitsInBytesAreExact) {
  constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(plain(Cell::of(kLargest), Form::kib, {1, 'B'}), "18889465931478580853760");
  EXPECT_EQ(plain(Cell::of((std::uint64_t{17} << 20) + 1), Form::kib), "17825793") << "not rounded to even";
}

TEST(CellText, RatesAreRoundedToTheNearestAndAveragesDown) {
  EXPECT_EQ(plain(Cell::of(5, 2 * kSecond), Form::count_rate), "3");
  EXPECT_EQ(plain(Cell::of(5, 2 * kSecond), Form::count_rate, kKib, true), "2");
  EXPECT_EQ(plain(Cell::of(1, 10'000'000), Form::count_rate), "100");
}

TEST(CellText, SharesAreWholePercents) {
  EXPECT_EQ(plain(Cell::of(1, 3), Form::share), "33");
  EXPECT_EQ(plain(Cell::of(1, 200), Form::share), "1") << "halves go up";
  EXPECT_EQ(plain(Cell::of(1, 201), Form::share), "0");
  EXPECT_EQ(plain(Cell::of(25, 1000), Form::pressure), "2.5");
}

TEST(CellText, WhatIsMissingIsADash) {
  EXPECT_EQ(plain(Cell::missing(Absent::not_supported), Form::kib), "-");
  EXPECT_EQ(human_text(Cell::missing(Absent::not_supported), false).view(), "-");
}

TEST(CellText, ShortTextsFitTheirWidth) {
  EXPECT_EQ(brief(Cell::of(23'249'336), Form::kib, 6), "22704M") << "as many digits as there is room for";
  EXPECT_EQ(brief(Cell::of(23'249'336), Form::kib, 4), "22G");
  EXPECT_EQ(brief(Cell::of(999'999), Form::kib, 6), "999999");
  EXPECT_EQ(brief(Cell::of(31'500, kSecond), Form::count_rate, 4), "31k");
  EXPECT_EQ(brief(Cell::of(100), Form::count, 2), "++") << "nothing shorter says it";
  for (std::size_t width = 2; width < 12; ++width) {
    for (std::uint64_t kib = 1; kib < std::numeric_limits<std::uint64_t>::max() / 7; kib *= 7)
      EXPECT_LE(brief(Cell::of(kib), Form::kib, width).size(), width) << kib;
  }
}

TEST(CellText, HumanTextIsThatOfFree) {
  EXPECT_EQ(human(0), "0B");
  EXPECT_EQ(human(1), "1.0Ki");
  EXPECT_EQ(human(999), "999Ki");
  EXPECT_EQ(human(24'684'096), "23Gi");
  EXPECT_EQ(human(8806), "8.6Mi");
  EXPECT_EQ(human(8806, true), "9.0M");
  EXPECT_EQ(human(24'684'096, true), "25G");
  EXPECT_EQ(human(std::numeric_limits<std::uint64_t>::max()), "16777216Pi");
}

}  // namespace
}  // namespace isotach::memory
