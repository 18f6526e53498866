#include "memory/vm/row_text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"

namespace isotach::memory {
namespace {

VmRow row_of(std::uint64_t free_kib) {
  VmRow row;
  for (Cell& cell : row.cells) cell = Cell::of(1, 1'000'000'000);
  row[RowColumn::free] = Cell::of(free_kib);
  row[RowColumn::idle] = Cell::of(97, 100);
  return row;
}

std::string head_and_row(const TextOptions& options, const VmRow& row) {
  RowText text(options);
  std::string out;
  text.begin(0, out);
  text.append(row, 0, out);
  return out;
}

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  for (const std::string_view line : split(text, '\n')) longest = std::max(longest, display_width(line));
  return longest;
}

TEST(RowText, LaysOutAsVmstatDoes) {
  EXPECT_EQ(head_and_row({}, row_of(123456)),
            "procs -----------memory---------- ---swap-- -----io---- -system-- -------cpu-------\n"
            " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st gu\n"
            " 1  1      1 123456      1      1    1    1     1     1    1    1  0  0 97  0  0  0\n");
}

TEST(RowText, AnOverlongNumberTakesItsRoomFromTheColumnsAfterIt) {
  EXPECT_EQ(head_and_row({}, row_of(12345678)).substr(168),
            " 1  1      1 12345678    1      1    1    1     1     1    1    1  0  0 97  0  0  0\n");
}

TEST(RowText, ActiveMemoryReplacesBuffersAndCache) {
  TextOptions options;
  options.active = true;
  const std::string text = head_and_row(options, row_of(1));
  EXPECT_NE(text.find(" inact active "), std::string::npos);
  EXPECT_EQ(text.find("buff"), std::string::npos);
}

TEST(RowText, TheHeadIsRepeatedForEachScreen) {
  TextOptions options;
  options.terminal_rows = 8;
  RowText text(options);
  std::string out;
  text.begin(0, out);
  for (int i = 0; i < 11; ++i) text.append(row_of(1), 0, out);
  const auto lines = split(out, '\n');
  ASSERT_EQ(lines.size(), 2 + 5 + 2 + 5 + 2 + 1 + 1U);
  EXPECT_TRUE(lines[7].starts_with("procs")) << "after rows - 3 lines";

  options.one_header = true;
  RowText once(options);
  out.clear();
  once.begin(0, out);
  for (int i = 0; i < 11; ++i) once.append(row_of(1), 0, out);
  EXPECT_EQ(split(out, '\n').size(), 2 + 11 + 1U);
}

TEST(RowText, NoLineIsWiderThanTheTerminal) {
  for (std::size_t columns = 4; columns < 130; ++columns) {
    for (const bool wide : {false, true}) {
      TextOptions options;
      options.terminal_columns = columns;
      options.wide = wide;
      options.timestamp = options.pressure = columns % 2 == 0;
      const std::string text = head_and_row(options, row_of(23'249'336));
      EXPECT_LE(longest_line(text), columns) << text;
    }
  }
}

TEST(RowText, ANarrowTerminalShowsWhatMattersMost) {
  TextOptions options;
  options.terminal_columns = 20;
  RowText text(options);
  std::string out;
  text.begin(0, out);
  text.append(row_of(123456), 0, out);
  EXPECT_EQ(out,
            "memory ----cpu----\n"
            "  free us sy id wa\n"
            "123456  0  0 97  0\n");
  EXPECT_EQ(text.layout().left_out(), "r b swpd buff cache si so bi bo in cs st gu");
}

TEST(RowText, AResizedTerminalGetsANewHead) {
  RowText text({});
  std::string out;
  text.begin(0, out);
  text.resize(30, 24);
  out.clear();
  text.append(row_of(1), 0, out);
  EXPECT_TRUE(out.starts_with("-"));
  EXPECT_LE(longest_line(out), 30U);
}

TEST(RowText, ATimestampHasItsZoneInTheHead) {
  TextOptions options;
  options.timestamp = true;
  options.milliseconds = true;
  RowText text(options);
  std::string out;
  text.begin(1'700'000'000'250'000'000, out);
  text.append(row_of(1), 1'700'000'000'250'000'000, out);
  const auto lines = split(out, '\n');
  EXPECT_NE(lines[0].find("-timestamp-"), std::string_view::npos);
  EXPECT_EQ(lines[1].size(), lines[2].size());
  EXPECT_TRUE(lines[2].ends_with(".250"));
}

}  // namespace
}  // namespace isotach::memory
