#include "command/man_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/describe.h"

namespace isotach::command {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ScdocEscaped, TakesNoCharacterAsMarkup) {
  EXPECT_EQ(scdoc_escaped("a_b *c* `d` \\e <f>"), "a\\_b \\*c\\* \\`d\\` \\\\e \\<f\\>");
}

TEST(ScdocEscaped, NoLineOpensABlock) {
  EXPECT_EQ(scdoc_escaped("# head\n- item\n.TH x\n\tliteral\n  | table\n; comment"),
            "\\# head\n\\- item\n\\.TH x\nliteral\n\\| table\n\\; comment");
}

TEST(ManPage, HasTheSectionsInOrder) {
  for (const CommandSpec& command : all_commands()) {
    if (command.hidden) continue;
    const std::string page = man_page(command, all_commands());
    EXPECT_THAT(page, StartsWith(man_page_name(command) + "(1) \"isotach "));
    std::size_t at = 0;
    for (const char* section : {"# NAME", "# SYNOPSIS", "# DESCRIPTION", "# EXAMPLES", "# OPTIONS",
                                "# EXIT STATUS", "# ENVIRONMENT", "# FILES", "# SEE ALSO"}) {
      const std::size_t found = page.find(std::string("\n") + section + "\n");
      ASSERT_NE(found, std::string::npos) << full_name(command) << section;
      EXPECT_GT(found, at) << full_name(command) << section;
      at = found;
    }
  }
}

TEST(ManPage, NamesEveryOptionOfItsCommand) {
  for (const CommandSpec& command : all_commands()) {
    const std::string page = man_page(command, all_commands());
    for (const OptionSpec& option : all_options(command))
      EXPECT_THAT(page, HasSubstr('*' + scdoc_escaped(option.name) + '*')) << full_name(command);
  }
}

TEST(ManPage, TheFirstOneListsTheCommands) {
  EXPECT_THAT(man_page(all_commands().front(), all_commands()), HasSubstr("# COMMANDS"));
  for (const CommandSpec& command : all_commands()) {
    if (command.name.empty()) continue;
    // Commands of two words stand on the page of the first word.
    const std::size_t blank = command.name.find(' ');
    const CommandSpec* first =
        find_command(all_commands(), blank == std::string::npos ? "" : command.name.substr(0, blank));
    ASSERT_NE(first, nullptr) << command.name;
    const std::string page = man_page(*first, all_commands());
    const std::string reference = '*' + scdoc_escaped(man_page_name(command)) + "*(1)";
    EXPECT_THAT(page, command.hidden ? ::testing::Matcher<std::string>(Not(HasSubstr(reference)))
                                     : ::testing::Matcher<std::string>(HasSubstr(reference)));
  }
}

}  // namespace
}  // namespace isotach::command
