#include "command/help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "command/describe.h"

namespace isotach::command {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

CommandSpec vm_like() {
  CommandSpec spec;
  spec.name = "vm";
  spec.area = "memory";
  spec.summary = "memory, swap and CPU, row by row";
  spec.usages = {"isotach vm [OPTIONS] [DELAY [COUNT]]", "isotach vm [OPTIONS] -- PROGRAM [ARGUMENT...]"};
  spec.description =
      "Prints one row for each interval, and says what each of its many columns means when it is asked "
      "to.\n\n"
      "The second paragraph.";
  spec.positionals = {{"DELAY", "seconds between rows"}};
  spec.options = {
      {"--wide", 'w', "", "wide columns for machines that have a lot of memory and need the room",
       "what to show"},
      {"--unit", 'S', "UNIT", "unit of memory columns", "what to show", {"k", "K", "m", "M"}},
      {"--a-very-long-name-of-an-option", 0, "SOMETHING-LONG", "what it does", "output"},
  };
  spec.examples = {{"isotach vm 1 5", "five rows, one second apart"}, {"isotach vm -w", "one wide row"}};
  return spec;
}

TEST(CommandHelp, LooksLikeThisAt80Columns) {
  EXPECT_EQ(command_help(vm_like(), {}, 80), R"(isotach vm - memory, swap and CPU, row by row

usage: isotach vm [OPTIONS] [DELAY [COUNT]]
       isotach vm [OPTIONS] -- PROGRAM [ARGUMENT...]

examples:
  isotach vm 1 5  five rows, one second apart
  isotach vm -w   one wide row

Prints one row for each interval, and says what each of its many columns means
when it is asked to.

The second paragraph.

arguments:
  DELAY             seconds between rows

what to show:
  -w, --wide        wide columns for machines that have a lot of memory and need
                    the room
  -S, --unit UNIT   unit of memory columns (k, K, m, M)

output:
      --a-very-long-name-of-an-option SOMETHING-LONG
                    what it does

everywhere:
  -h, --help        explain the command, with examples
  -V, --version     print the version
      --color WHEN  when to use colours (always, never, auto)

exit codes: 0 ok; 1 failed, or a check found something; 2 wrong usage;
  3 --fail-if met; 4 not permitted; 5 not supported here;
  130 a planned test was cut short
)");
}

TEST(CommandHelp, StacksColumnsOnANarrowTerminal) {
  const std::string text = command_help(vm_like(), {}, 20);
  EXPECT_THAT(text, HasSubstr("\n  -w, --wide\n      wide columns\n      for machines\n"));
  EXPECT_THAT(text, HasSubstr("\n  isotach vm 1 5\n      five rows, one\n"));
}

// Lines that are longer than the terminal hold something that must not be broken.
void expect_fits(const std::string& text, std::size_t columns, std::size_t longest_word) {
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t limit = std::max(columns, longest_word + 11);
    EXPECT_LE(display_width(line), limit) << line;
  }
}

TEST(CommandHelp, FitsEveryWidth) {
  for (int columns = 1; columns <= 220; ++columns)
    expect_fits(command_help(vm_like(), {}, columns), static_cast<std::size_t>(columns), 46);
}

TEST(CommandHelp, DoesNotGrowPast100Columns) {
  EXPECT_EQ(command_help(vm_like(), {}, 200), command_help(vm_like(), {}, 100));
  EXPECT_EQ(command_help(vm_like(), {}, -5), command_help(vm_like(), {}, 20));
}

TEST(CommandHelp, ACommandsOwnLetterIsNotHelp) {
  CommandSpec spec = vm_like();
  spec.options.push_back({"--human", 'h', "", "units for people", "what to show"});
  EXPECT_THAT(command_help(spec, {}, 80), HasSubstr("\n      --help "));
}

TEST(GeneralHelp, GroupsCommandsByAreaAndHidesTheHidden) {
  CommandSpec overview;
  overview.area = "overview";
  overview.summary = "watch";
  CommandSpec hidden;
  hidden.name = "generate";
  hidden.area = "about";
  hidden.hidden = true;
  CommandSpec plot;
  plot.name = "plot";
  plot.area = "overview";
  plot.summary = "draw";
  const std::string text = general_help({overview, vm_like(), plot, hidden}, 80);
  EXPECT_THAT(text, HasSubstr("\noverview:\n  (none)        watch\n  plot          draw\n\nmemory:\n  vm "));
  EXPECT_THAT(text, Not(HasSubstr("generate")));
  EXPECT_THAT(text, Not(HasSubstr("about:")));
  EXPECT_THAT(text, HasSubstr("exit codes: 0 ok;"));
}

TEST(GeneralHelp, OfThisProgramFits) {
  for (const int columns : {20, 40, 80, 200})
    expect_fits(general_help(all_commands(), columns), static_cast<std::size_t>(columns), 20);
}

TEST(CommandHelp, OfThisProgramFits80Columns) {
  for (const CommandSpec& command : all_commands()) {
    const std::string text = command_help(command, all_commands(), 80);
    for (const std::string_view line : split(text, '\n'))
      EXPECT_LE(display_width(line), 80u) << full_name(command) << ": " << line;
  }
}

}  // namespace
}  // namespace isotach::command
