#include "command/lab/lab_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isotach::command {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kText = R"(# a comment
title   Two steps
task    Find out
        whether it works.
needs   root
needs   ip
bed     network

step    First
setup   ip link add a type dummy
        ip link set a up
run     isotach link a
expect  state +up
number  80 97 rate +([0-9.]+) Mbit/s
picture a.svg  The rate.
look    The state.
means   It is up.
try     Set it down.

step    Second
background isotach nettest -s
await   listening
run     false
exit    1
)";

TEST(LabFile, ReadsWhatIsDone) {
  const auto lab = parse_lab("two", kText);
  ASSERT_TRUE(lab) << lab.error().message();
  EXPECT_EQ(lab->name, "two");
  EXPECT_EQ(lab->task, "Find out whether it works.");
  EXPECT_THAT(lab->needs, ElementsAre("root", "ip"));
  EXPECT_EQ(lab->bed, LabBed::network);
  ASSERT_EQ(lab->steps.size(), 2u);
  const LabStep& first = lab->steps[0];
  EXPECT_EQ(first.setup, "ip link add a type dummy\nip link set a up");
  EXPECT_EQ(first.run, "isotach link a");
  ASSERT_EQ(first.pictures.size(), 1u);
  EXPECT_EQ(first.pictures[0].file, "a.svg");
  EXPECT_EQ(first.pictures[0].caption, "The rate.");
  ASSERT_EQ(first.numbers.size(), 1u);
  EXPECT_EQ(first.numbers[0].pattern, "rate +([0-9.]+) Mbit/s");
  EXPECT_EQ(lab->steps[1].await, "listening");
  EXPECT_EQ(lab->steps[1].exit_code, 1);
}

TEST(LabFile, NamesTheLineThatIsWrong) {
  const auto misspelt = parse_lab("x", "title A\nstep B\nrunn ls\n");
  ASSERT_FALSE(misspelt);
  EXPECT_THAT(misspelt.error().message(), HasSubstr("line 3: 'runn ls'"));
  EXPECT_FALSE(parse_lab("x", "title A\nstep B\nlook C\n"));
  EXPECT_FALSE(parse_lab("x", "title A\nbed garden\nstep B\nrun ls\n"));
  EXPECT_FALSE(parse_lab("x", "title A\nstep B\nrun ls\nnumber 1 x\n"));
  EXPECT_FALSE(parse_lab("x", ""));
}

TEST(LabFile, SaysWhatIsMissing) {
  const auto lab = parse_lab("two", kText);
  ASSERT_TRUE(lab);
  const LabStep& step = lab->steps[0];
  EXPECT_THAT(misses_of(step, 0, "state   up\nrate 94.1 Mbit/s\n"), IsEmpty());
  EXPECT_THAT(misses_of(step, 2, "state   up\nrate 94.1 Mbit/s\n"),
              ElementsAre("the exit code is 2 instead of 0"));
  EXPECT_THAT(misses_of(step, 0, "state down\nrate 9.4 Mbit/s\n"),
              ElementsAre(HasSubstr("has no 'state +up'"), HasSubstr("is 9.4, expected 80 to 97")));
  LabStep broken;
  broken.expected = {"("};
  EXPECT_THAT(misses_of(broken, 0, "("), ElementsAre(HasSubstr("is no regular expression")));
}

// Each lab that is built in can be read, and says what to look at and what it means.
TEST(LabFile, BuiltInLabsAreWhole) {
  EXPECT_FALSE(lab_texts().empty());
  for (const LabText& text : lab_texts()) {
    const auto lab = parse_lab(text.name, text.text);
    ASSERT_TRUE(lab) << lab.error().message();
    EXPECT_FALSE(lab->task.empty()) << text.name;
    for (const LabStep& step : lab->steps) {
      EXPECT_FALSE(step.look.empty()) << text.name << ": " << step.title;
      EXPECT_FALSE(step.means.empty()) << text.name << ": " << step.title;
      EXPECT_FALSE(step.expected.empty() && step.numbers.empty()) << text.name << ": " << step.title;
    }
  }
}

}  // namespace
}  // namespace isotach::command
