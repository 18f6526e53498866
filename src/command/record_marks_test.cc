#include "command/record_marks.h"

#include <gtest/gtest.h>

namespace isotach::command {
namespace {

using Lines = std::vector<std::string>;

TEST(LineCutter, CutsWhereverTheReadsEnd) {
  LineCutter cutter(10);
  EXPECT_EQ(cutter.add("on"), Lines{});
  EXPECT_EQ(cutter.add("e\ntwo\r\n\nth"), (Lines{"one", "two", ""}));
  EXPECT_EQ(cutter.add("ree\n"), Lines{"three"});
  EXPECT_EQ(cutter.finish(), Lines{});
  EXPECT_EQ(cutter.add("rest"), Lines{});
  EXPECT_EQ(cutter.finish(), Lines{"rest"});
}

TEST(LineCutter, LongLinesAreCutAndTheNextIsWhole) {
  LineCutter cutter(5);
  EXPECT_EQ(cutter.add("abcdefgh"), Lines{});
  EXPECT_EQ(cutter.add("ijkl\nnext\n"), (Lines{"abcde", "next"}));
}

}  // namespace
}  // namespace isotach::command
