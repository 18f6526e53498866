#include "view/table/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>

#include "base/text.h"

namespace isotach::view {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Table interfaces() {
  Table table({{"interface", Align::left, 0, 6},
               {"received", Align::quantity},
               {"sent", Align::quantity, 1},
               {"errors", Align::right, 3},
               {"state", Align::left, 2}});
  table.row({"eth0", "94.1 Mbit/s", "1.20 kbit/s", "0", "up"});
  table.row({"enx00e04c680001", "12 bit/s", "-", "17", "down"});
  return table;
}

TEST(Table, AlignsWordsNumbersAndUnits) {
  EXPECT_EQ(interfaces().text(200),
            "interface           received         sent  errors  state\n"
            "eth0             94.1 Mbit/s  1.20 kbit/s       0  up\n"
            "enx00e04c680001    12 bit/s             -      17  down\n");
}

TEST(Table, NumbersEndAtTheSamePlaceWhateverTheirUnits) {
  Table table({{"", Align::left}, {"", Align::quantity}});
  table.row({"a", "1.50 GiB"});
  table.row({"b", "12 B"});
  table.row({"c", "340"});
  table.row({"d", "-1.5 %"});
  table.row({"e", "none"});
  EXPECT_EQ(table.text(80),
            "a  1.50 GiB\n"
            "b    12 B\n"
            "c   340\n"
            "d  -1.5 %\n"
            "e      none\n");
}

TEST(Table, ShrinksNamesBeforeItLeavesOutColumns) {
  EXPECT_EQ(interfaces().text(50),
            "interface     received         sent  errors  state\n"
            "eth0       94.1 Mbit/s  1.20 kbit/s       0  up\n"
            "enx00e04…    12 bit/s             -      17  down\n");
}

TEST(Table, LeavesOutTheLargestDropOrderFirst) {
  const Table table = interfaces();
  EXPECT_THAT(table.dropped(80), IsEmpty());
  EXPECT_THAT(table.dropped(40), ElementsAre("errors"));
  EXPECT_THAT(table.dropped(32), ElementsAre("errors", "state"));
  EXPECT_THAT(table.dropped(25), ElementsAre("sent", "errors", "state"));
}

TEST(Table, NeverExceedsTheWidth) {
  const Table table = interfaces();
  for (int columns = 1; columns <= 90; ++columns) {
    const std::string text = table.text(columns);
    for (const std::string_view line : split(text, '\n'))
      EXPECT_LE(display_width(line), static_cast<std::size_t>(columns)) << line;
  }
}

TEST(Table, CountsColumnsNotBytes) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  Table table({{"name", Align::left}, {"n"}});
  table.row({"日本", "1"});
  table.row({"é", "22"});
  EXPECT_EQ(table.text(80),
            "name   n\n"
            "日本   1\n"
            "é     22\n");
}

TEST(Table, HostileNamesCannotActOnTheTerminal) {
  Table table({{"name", Align::left}});
  table.row({"\x1b[2Jx\n\xff"});
  EXPECT_EQ(table.text(80), "name\n?[2Jx??\n");
}

TEST(Table, MissingCellsAndGapsAreBlank) {
  Table table({{"a"}, {"b"}});
  table.row({"1"});
  table.gap();
  table.row({"", "2"});
  EXPECT_EQ(table.text(80), "a  b\n1\n\n   2\n");
}

TEST(Table, AnEmptyTableHasOnlyItsHead) {
  EXPECT_EQ(Table({{"a"}, {"b"}}).text(80), "a  b\n");
  EXPECT_EQ(Table({}).text(80), "");
}

TEST(Table, LinesCarryStyles) {
  Table table({{"state", Align::left}});
  table.row({TableCell("bad", Style::bad)});
  const auto lines = table.lines(80);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0][0].style, Style::dim);
  EXPECT_EQ(lines[1][0].style, Style::bad);
}

}  // namespace
}  // namespace isotach::view
