#include "view/terminal/grid.h"

#include <gtest/gtest.h>

#include <clocale>

namespace isotach::view {
namespace {

TEST(Grid, StartsBlankAndTrimsLines) {
  Grid grid(5, 2);
  EXPECT_EQ(grid.text(), "\n\n");
  EXPECT_EQ(grid.write(1, 0, "ab"), 3);
  EXPECT_EQ(grid.text(), " ab\n\n");
}

TEST(Grid, CutsWhatDoesNotFit) {
  Grid grid(6, 2);
  EXPECT_EQ(grid.write(2, 0, "abcdef"), 6);
  EXPECT_EQ(grid.write(2, 1, "abcdef", Style::plain, true), 6);
  EXPECT_EQ(grid.text(), "  abcd\n  abc…\n");
}

TEST(Grid, IgnoresCellsOutside) {
  Grid grid(3, 1);
  grid.put(-1, 0, "x");
  grid.put(3, 0, "x");
  grid.put(0, -1, "x");
  grid.put(0, 1, "x");
  grid.write(-2, 0, "abc");
  grid.write(0, 7, "abc");
  grid.fill(-5, -5, 100, 2, "#");
  EXPECT_EQ(grid.text(), "c\n");
}

TEST(Grid, WritesRightAligned) {
  Grid grid(6, 2);
  grid.write_right(5, 0, "abc");
  grid.write_right(2, 1, "12345");
  EXPECT_EQ(grid.text(), "   abc\n345\n");
}

TEST(Grid, FillsARectangle) {
  Grid grid(4, 3);
  grid.fill(1, 1, 2, 9, "·");
  EXPECT_EQ(grid.text(), "\n ··\n ··\n");
}

TEST(Grid, KeepsTerminalControlsOut) {
  Grid grid(12, 1);
  grid.write(0, 0, "a\033[2Jb\n\xff");
  EXPECT_EQ(grid.text(), "a?[2Jb??\n");
}

TEST(Grid, DoubleWidthCharactersTakeTwoCells) {
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) GTEST_SKIP() << "no C.UTF-8 locale";
  Grid grid(5, 1);
  EXPECT_EQ(grid.write(0, 0, "网x网"), 5);
  EXPECT_EQ(grid.at(1, 0).text, "");
  EXPECT_EQ(grid.text(), "网x网\n");
  grid.put(1, 0, "y");  // takes the right half: the left half goes too
  EXPECT_EQ(grid.text(), " yx网\n");
  grid.put(3, 0, "z");
  EXPECT_EQ(grid.text(), " yxz\n");
  Grid narrow(3, 1);
  EXPECT_EQ(narrow.write(0, 0, "网网"), 2);
  EXPECT_EQ(narrow.text(), "网\n");
  std::setlocale(LC_CTYPE, "C");
}

TEST(Grid, CombiningMarksJoinTheirCharacter) {
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) GTEST_SKIP() << "no C.UTF-8 locale";
  Grid grid(4, 1);
  EXPECT_EQ(grid.write(0, 0, "e\u0301x"), 2);
  EXPECT_EQ(grid.at(0, 0).text, "e\u0301");
  std::string pile = "e";
  for (int i = 0; i < 1000; ++i) pile += "\u0301";
  grid.write(2, 0, pile);
  EXPECT_LT(grid.at(2, 0).text.size(), 40u);
  std::setlocale(LC_CTYPE, "C");
}

TEST(Grid, ColorIsAddedOnlyWhereTheStyleChanges) {
  Grid grid(8, 1);
  grid.write(0, 0, "ab", Style::good);
  grid.write(3, 0, "cd", Style::good);
  grid.write(6, 0, "e");
  EXPECT_EQ(grid.text_with_color(), "\033[0;32mab cd \033[0me\n");
}

TEST(Grid, HostileSizesAreBounded) {
  EXPECT_EQ(Grid(-3, -4).text(), "");
  const Grid huge(2'000'000'000, 1);
  EXPECT_LE(huge.columns(), 4096);
}

}  // namespace
}  // namespace isotach::view
