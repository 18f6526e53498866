#include "command/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <set>

#include "base/text.h"

namespace isotach::command {

// How a parameter is shown where a test fails.
static void PrintTo(const CommandSpec& spec, std::ostream* out) {
  *out << full_name(spec);
}

namespace {

using ::testing::ElementsAre;

const std::set<std::string> kAreas = {"overview",   "memory",   "network", "instrumentation",
                                      "recordings", "learning", "about"};

// Every command of the program, under its name in the test's output.
class EveryCommand : public ::testing::TestWithParam<CommandSpec> {};

bool ends_in_stop(const std::string& text) {
  return text.ends_with('.');
}

TEST_P(EveryCommand, IsDescribed) {
  const CommandSpec& spec = GetParam();
  EXPECT_FALSE(spec.summary.empty());
  EXPECT_LE(display_width(spec.summary), 70u) << spec.summary;
  EXPECT_FALSE(ends_in_stop(spec.summary)) << spec.summary;
  EXPECT_FALSE(spec.description.empty());
  EXPECT_TRUE(ends_in_stop(spec.description)) << "a description consists of sentences";
  EXPECT_FALSE(spec.usages.empty());
  for (const std::string& usage : spec.usages)
    EXPECT_NE(usage.find(full_name(spec)), std::string::npos) << usage;
  EXPECT_TRUE(kAreas.contains(spec.area)) << spec.area;
  EXPECT_TRUE(spec.run);
}

TEST_P(EveryCommand, HasExamplesThatParse) {
  const CommandSpec& spec = GetParam();
  // What isotach starts by itself is typed by nobody.
  EXPECT_GE(spec.examples.size(), spec.hidden ? 0u : 2u);
  for (const ExampleSpec& example : spec.examples) {
    EXPECT_LE(display_width(example.command), 76u) << example.command;
    EXPECT_FALSE(example.effect.empty()) << example.command;
    EXPECT_FALSE(ends_in_stop(example.effect)) << example.effect;
    // What stands around it, such as a pipe or "sudo", is the shell's.
    const std::size_t begin = example.command.find("isotach");
    ASSERT_NE(begin, std::string::npos) << example.command;
    std::string_view own = std::string_view(example.command).substr(begin);
    own = own.substr(0, own.find_first_of("|<>;&)"));
    std::vector<std::string> words;
    for (const std::string_view word : split_blanks(own)) {
      std::string bare(word);
      std::erase_if(bare, [](char c) { return c == '\'' || c == '"'; });
      words.push_back(std::move(bare));
    }
    words.erase(words.begin());
    for (const std::string_view word : split_blanks(spec.name)) {
      ASSERT_FALSE(words.empty()) << example.command;
      EXPECT_EQ(words.front(), word) << example.command;
      words.erase(words.begin());
    }
    const auto arguments = parse_arguments(spec, words);
    EXPECT_TRUE(arguments) << example.command << ": " << arguments.error().message();
  }
}

TEST_P(EveryCommand, HasOptionsThatAreDescribed) {
  const CommandSpec& spec = GetParam();
  std::set<std::string> names;
  std::set<char> letters;
  for (const OptionSpec& option : all_options(spec)) {
    EXPECT_TRUE(option.name.starts_with("--")) << option.name;
    EXPECT_EQ(option.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string::npos)
        << option.name;
    EXPECT_TRUE(names.insert(option.name).second) << option.name << " is described twice";
    if (option.letter != 0) {
      EXPECT_TRUE(letters.insert(option.letter).second) << option.letter << " means two things";
    }
    EXPECT_FALSE(option.help.empty()) << option.name;
    EXPECT_FALSE(ends_in_stop(option.help)) << option.name;
    EXPECT_FALSE(option.group.empty()) << option.name;
    EXPECT_TRUE(option.choices.empty() || !option.value_name.empty()) << option.name;
    EXPECT_EQ(option.value_name.find_first_of(" ="), std::string::npos) << option.name;
  }
}

TEST_P(EveryCommand, HasPositionalsThatAreDescribed) {
  const CommandSpec& spec = GetParam();
  for (std::size_t i = 0; i < spec.positionals.size(); ++i) {
    EXPECT_FALSE(spec.positionals[i].help.empty()) << spec.positionals[i].name;
    EXPECT_FALSE(ends_in_stop(spec.positionals[i].help)) << spec.positionals[i].name;
    EXPECT_TRUE(!spec.positionals[i].repeatable || i + 1 == spec.positionals.size())
        << "only the last may be repeated";
  }
}

INSTANTIATE_TEST_SUITE_P(Commands, EveryCommand, ::testing::ValuesIn(all_commands()),
                         [](const ::testing::TestParamInfo<CommandSpec>& each) {
                           std::string name = each.param.name.empty() ? "overview" : each.param.name;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
                           return name;
                         });

TEST(Describe, CommandsHaveDifferentNamesAndTheFirstHasNone) {
  std::set<std::string> names;
  for (const CommandSpec& command : all_commands())
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
  EXPECT_EQ(all_commands().front().name, "");
}

TEST(Describe, LettersOfACommandWinOverThoseOfEveryCommand) {
  CommandSpec spec;
  spec.options = {{"--human", 'h', "", "", ""}};
  const auto everywhere = everywhere_options(spec);
  EXPECT_EQ(option_text(everywhere[0]), "--help");
  EXPECT_EQ(option_text(everywhere[1]), "-V, --version");
  EXPECT_EQ(option_text(everywhere[2]), "--color WHEN");
}

TEST(Describe, ChoicesStandInTheHelp) {
  EXPECT_EQ(option_help({"--unit", 'S', "UNIT", "unit of memory", "", {"k", "m"}}), "unit of memory (k, m)");
}

TEST(Describe, ParagraphsStandBetweenBlankLines) {
  EXPECT_THAT(paragraphs("a\nb\n\n\n  \nc\n"), ElementsAre("a\nb", "c"));
  EXPECT_THAT(paragraphs(""), ElementsAre());
}

}  // namespace
}  // namespace isotach::command
