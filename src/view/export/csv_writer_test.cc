#include "view/export/csv_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "view/export/exact.h"

namespace isotach::view {
namespace {

TEST(CsvWriter, WritesHeadAndRows) {
  CsvWriter csv;
  csv.head({"time", "memory_free_bytes", "share"});
  csv.text("2026-11-23T01:29:23.250Z").unsigned_integer(18446744073709551615u).real(0.25).end_row();
  csv.text("x").integer(-7).empty().end_row();
  EXPECT_EQ(csv.written(),
            "time,memory_free_bytes,share\n"
            "2026-11-23T01:29:23.250Z,18446744073709551615,0.25\n"
            "x,-7,\n");
}

TEST(CsvWriter, QuotesWhatWouldBreakARow) {
  CsvWriter csv;
  csv.text("a,b").text("say \"hi\"").text("two\nlines").text("cr\r").text(" edge").end_row();
  EXPECT_EQ(csv.written(), "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"cr\r\",\" edge\"\n");
}

TEST(CsvWriter, ALoneEmptyTextIsNotABlankLine) {
  CsvWriter csv;
  csv.text("").end_row();
  EXPECT_EQ(csv.written(), "\"\"\n");
}

TEST(CsvWriter, HostileBytesBecomeReplacementCharacters) {
  CsvWriter csv;
  csv.text(std::string_view("a\0b", 3))
      .text("\x1b[2J")
      .text("\xff\xfe")
      .text("\xc2\x9b")
      .text("é日")
      .end_row();
  EXPECT_EQ(csv.written(), "a\uFFFDb,\uFFFD[2J,\uFFFD\uFFFD,\uFFFD,é日\n");
}

TEST(CsvWriter, WhatIsMissingOrNoNumberIsEmpty) {
  CsvWriter csv;
  csv.value(Value(Missing::not_permitted))
      .real(std::numeric_limits<double>::quiet_NaN())
      .real(std::optional<double>())
      .value(Value::of_real(std::numeric_limits<double>::infinity()))
      .value(Value::of(0))
      .end_row();
  EXPECT_EQ(csv.written(), ",,,,0\n");
}

TEST(CsvWriter, ManyFieldsAreWrittenAtOnce) {
  const auto three = [](char* at) { return std::copy_n("0,,ab", 5, at); };
  CsvWriter csv;
  csv.head({"a", "b", "c", "d"});
  csv.fields(3, 5, three).integer(1).end_row();
  csv.integer(2).fields(3, 5, three).end_row();
  EXPECT_EQ(csv.written(), "a,b,c,d\n0,,ab,1\n2,0,,ab\n");
}

TEST(CsvWriter, TakeEmptiesIt) {
  CsvWriter csv;
  csv.integer(1).end_row();
  EXPECT_EQ(csv.take(), "1\n");
  csv.integer(2).end_row();
  EXPECT_EQ(csv.take(), "2\n");
}

TEST(CsvWriterDeathTest, RowsOfDifferentLengthAreABug) {
  CsvWriter csv;
  csv.head({"a", "b"});
  csv.integer(1);
  EXPECT_DEATH(csv.end_row(), "fields_ == \\*width_");
}

TEST(ExactText, KeepsDigitsThatADoubleCannotHold) {
  EXPECT_EQ(exact_text(Value::of(18446744073709551615u)), "18446744073709551615");
  EXPECT_EQ(exact_text(Value::of(18446744073709551615u), 1024), "18889465931478580853760");
  EXPECT_EQ(exact_text(Value::of(9007199254740993u), 512), "4611686018427388416");
  EXPECT_EQ(exact_text(Value::of_signed(std::numeric_limits<std::int64_t>::min())), "-9223372036854775808");
}

TEST(ExactText, WritesTicksAsDecimalFractions) {
  EXPECT_EQ(exact_text(Value::of(12345), 0.01), "123.45");
  EXPECT_EQ(exact_text(Value::of(12340), 0.01), "123.4");
  EXPECT_EQ(exact_text(Value::of(100), 0.01), "1");
  EXPECT_EQ(exact_text(Value::of(5), 1e-6), "0.000005");
  EXPECT_EQ(exact_text(Value::of(18446744073709551615u), 1e-9), "18446744073.709551615");
  EXPECT_EQ(exact_text(Value::of_signed(-5), 1e-3), "-0.005");
}

TEST(ExactText, OtherScalesAndRealsAreShortestDoubles) {
  EXPECT_EQ(exact_text(Value::of(1), 0.25), "0.25");
  EXPECT_EQ(exact_text(Value::of_real(0.1)), "0.1");
  EXPECT_EQ(exact_text(Value(Missing::vanished)), std::nullopt);
}

}  // namespace
}  // namespace isotach::view
