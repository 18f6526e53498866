#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/spec.h"

namespace isotach::command {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Words = std::vector<std::string>;

CommandSpec vm_like() {
  CommandSpec spec;
  spec.name = "vm";
  spec.positionals = {{"DELAY", "", ""}, {"COUNT", "", ""}};
  spec.options = {
      {"--wide", 'w', "", "", ""},         {"--active", 'a', "", "", ""},
      {"--one-header", 'n', "", "", ""},   {"--unit", 'S', "UNIT", "", "", {"k", "K", "m", "M"}},
      {"--interval", 'i', "TIME", "", ""}, {"--json", 'J', "", "", ""},
      {"--json-stream", 0, "", "", ""},    {"--pid", 0, "PID", "", "", {}, "", true},
  };
  spec.takes_command = true;
  return spec;
}

CommandSpec plot_like() {
  CommandSpec spec;
  spec.name = "plot";
  spec.positionals = {{"METRIC", "", "metric", true}};
  spec.options = {{"--svg", 0, "FILE", "", "", {}, "file"}, {"--list", 'l', "", "", ""}};
  return spec;
}

Arguments parsed(const CommandSpec& spec, const Words& words) {
  auto arguments = parse_arguments(spec, words);
  EXPECT_TRUE(arguments) << arguments.error().message();
  return arguments ? *arguments : Arguments();
}

Error refused(const CommandSpec& spec, const Words& words) {
  const auto arguments = parse_arguments(spec, words);
  EXPECT_FALSE(arguments);
  if (arguments) return {};
  EXPECT_EQ(arguments.error().kind, ErrorKind::usage);
  return arguments.error();
}

TEST(ParseArguments, NothingIsFine) {
  const Arguments arguments = parsed(vm_like(), {});
  EXPECT_FALSE(arguments.has("--wide"));
  EXPECT_EQ(arguments.value("--unit"), std::nullopt);
  EXPECT_THAT(arguments.positionals(), IsEmpty());
  EXPECT_THAT(arguments.command(), IsEmpty());
}

TEST(ParseArguments, OptionsAndPositionalsMayBeMixed) {
  const Arguments arguments = parsed(vm_like(), {"1", "--wide", "5", "-S", "m"});
  EXPECT_THAT(arguments.positionals(), ElementsAre("1", "5"));
  EXPECT_TRUE(arguments.has("--wide"));
  EXPECT_EQ(arguments.value("--unit"), "m");
}

TEST(ParseArguments, LettersMayBeClustered) {
  const Arguments arguments = parsed(vm_like(), {"-wan"});
  EXPECT_TRUE(arguments.has("--wide"));
  EXPECT_TRUE(arguments.has("--active"));
  EXPECT_TRUE(arguments.has("--one-header"));
}

TEST(ParseArguments, AValueMayStandBehindItsLetter) {
  EXPECT_EQ(parsed(vm_like(), {"-Sm"}).value("--unit"), "m");
  const Arguments clustered = parsed(vm_like(), {"-waSM", "2"});
  EXPECT_TRUE(clustered.has("--wide"));
  EXPECT_TRUE(clustered.has("--active"));
  EXPECT_EQ(clustered.value("--unit"), "M");
  EXPECT_THAT(clustered.positionals(), ElementsAre("2"));
  EXPECT_EQ(parsed(vm_like(), {"-wS", "k"}).value("--unit"), "k");
}

TEST(ParseArguments, AValueMayStandBehindAnEqualsSign) {
  EXPECT_EQ(parsed(vm_like(), {"--unit=m"}).value("--unit"), "m");
  EXPECT_EQ(parsed(plot_like(), {"--svg=a=b.svg"}).value("--svg"), "a=b.svg");
}

TEST(ParseArguments, AnOptionTakesOneValueOnly) {
  const Arguments arguments = parsed(vm_like(), {"--interval", "1", "5"});
  EXPECT_EQ(arguments.value("--interval"), "1");
  EXPECT_THAT(arguments.positionals(), ElementsAre("5"));
}

TEST(ParseArguments, AnEmptyWordIsAValueAndAPositional) {
  EXPECT_EQ(parsed(plot_like(), {"--svg", ""}).value("--svg"), "");
  EXPECT_EQ(parsed(plot_like(), {"--svg="}).value("--svg"), "");
  EXPECT_THAT(parsed(plot_like(), {""}).positionals(), ElementsAre(""));
}

TEST(ParseArguments, ADashIsAPositional) {
  EXPECT_THAT(parsed(plot_like(), {"-"}).positionals(), ElementsAre("-"));
}

TEST(ParseArguments, AValueMayLookLikeAnOption) {
  // What follows an option that needs a value is its value, unless it is an option of this command:
  // then the value was forgotten.
  EXPECT_EQ(parsed(vm_like(), {"--interval", "-1"}).value("--interval"), "-1");
  EXPECT_EQ(parsed(plot_like(), {"--svg", "-"}).value("--svg"), "-");
  EXPECT_THAT(refused(vm_like(), {"--interval", "--json"}).message(), HasSubstr("--interval needs a value"));
}

TEST(ParseArguments, RepeatableOptionsKeepAllValuesInOrder) {
  const Arguments arguments = parsed(vm_like(), {"--pid", "3", "--pid=1", "--pid", "3"});
  EXPECT_THAT(arguments.values("--pid"), ElementsAre("3", "1", "3"));
  EXPECT_EQ(arguments.value("--pid"), "3");
}

TEST(ParseArguments, AnOptionGivenTwiceMustAgree) {
  EXPECT_EQ(parsed(vm_like(), {"--unit=m", "-Sm"}).value("--unit"), "m");
  EXPECT_TRUE(parsed(vm_like(), {"-w", "-w"}).has("--wide"));
  EXPECT_THAT(refused(vm_like(), {"--unit=m", "-Sk"}).message(), HasSubstr("--unit was given twice"));
}

TEST(ParseArguments, WordsAfterDashesAreTheProgram) {
  const Arguments arguments = parsed(vm_like(), {"1", "--", "ls", "--json", "--", "-x", ""});
  EXPECT_THAT(arguments.positionals(), ElementsAre("1"));
  EXPECT_THAT(arguments.command(), ElementsAre("ls", "--json", "--", "-x", ""));
  EXPECT_FALSE(arguments.has("--json"));
  EXPECT_THAT(refused(vm_like(), {"--"}).message(), HasSubstr("no program"));
}

TEST(ParseArguments, WordsAfterDashesArePositionalsOfOthers) {
  const Arguments arguments = parsed(plot_like(), {"a", "--", "-l", "--svg"});
  EXPECT_THAT(arguments.positionals(), ElementsAre("a", "-l", "--svg"));
  EXPECT_FALSE(arguments.has("--list"));
}

TEST(ParseArguments, UnknownOptionsGetASuggestion) {
  const Error typo = refused(vm_like(), {"--jsn"});
  EXPECT_EQ(typo.message(), "unknown option --jsn");
  EXPECT_EQ(typo.remedy, "did you mean --json?");
  EXPECT_EQ(refused(vm_like(), {"--hlep"}).remedy, "did you mean --help?");
  EXPECT_EQ(refused(vm_like(), {"--quite-something"}).remedy, "");
  EXPECT_EQ(refused(vm_like(), {"-z"}).message(), "unknown option -z");
  EXPECT_EQ(refused(vm_like(), {"--unti=m"}).remedy, "did you mean --unit?");
}

TEST(ParseArguments, UnknownLettersOfAClusterAreNamed) {
  EXPECT_EQ(refused(vm_like(), {"-waz"}).message(), "unknown option -z in -waz");
}

TEST(ParseArguments, OneDashBeforeALongNameIsExplained) {
  EXPECT_EQ(refused(vm_like(), {"-json"}).remedy, "did you mean --json?");
}

TEST(ParseArguments, AbbreviationsAreNotTaken) {
  // They would change their meaning when an option is added.
  EXPECT_EQ(refused(vm_like(), {"--inter", "1"}).message(), "unknown option --inter");
}

TEST(ParseArguments, NegativeNumbersAreCalledThat) {
  EXPECT_EQ(refused(vm_like(), {"-1"}).message(), "'-1' is negative; give a number above 0");
  EXPECT_EQ(refused(vm_like(), {"1", "-0.5"}).message(), "'-0.5' is negative; give a number above 0");
  EXPECT_EQ(refused(vm_like(), {"-.5"}).message(), "'-.5' is negative; give a number above 0");
}

TEST(ParseArguments, AMissingValueIsNamed) {
  EXPECT_EQ(refused(vm_like(), {"--interval"}).message(), "option --interval needs a value: --interval TIME");
  EXPECT_EQ(refused(vm_like(), {"-i"}).message(), "option -i needs a value: -i TIME");
  EXPECT_EQ(refused(vm_like(), {"-wi"}).message(), "option -i needs a value: -i TIME");
}

TEST(ParseArguments, ASwitchTakesNoValue) {
  EXPECT_EQ(refused(vm_like(), {"--json=1"}).message(), "option --json takes no value");
  EXPECT_EQ(refused(vm_like(), {"--json="}).message(), "option --json takes no value");
}

TEST(ParseArguments, ValuesOutsideTheChoicesAreRefused) {
  const Error error = refused(vm_like(), {"-S", "x"});
  EXPECT_EQ(error.message(), "'x' is no value for --unit");
  EXPECT_EQ(error.remedy, "choose one of: k, K, m, M");
  EXPECT_EQ(refused(vm_like(), {"--unit="}).message(), "'' is no value for --unit");
}

TEST(ParseArguments, WordsTooManyAreNamed) {
  EXPECT_EQ(refused(vm_like(), {"1", "2", "3"}).message(), "'3' is one word too many");
  EXPECT_THAT(parsed(plot_like(), {"1", "2", "3", "4"}).positionals(), ElementsAre("1", "2", "3", "4"));
}

TEST(ParseArguments, HostileWordsAreMadePrintable) {
  EXPECT_EQ(refused(vm_like(), {"--\x1b[2J\xff"}).message(), "unknown option --?[2J?");
  EXPECT_EQ(refused(vm_like(), {"-\xff"}).message(), "unknown option -?");
  EXPECT_EQ(refused(vm_like(), {"1", "2", "\x07"}).message(), "'?' is one word too many");
  EXPECT_EQ(refused(vm_like(), {"-S\n"}).message(), "'?' is no value for --unit");
}

TEST(ParseArguments, ManyAndLongWordsAreHandled) {
  Words many(20000, "-w");
  EXPECT_TRUE(parsed(vm_like(), many).has("--wide"));
  refused(vm_like(), {"--" + std::string(100000, 'x')});
  refused(vm_like(), {"-" + std::string(100000, 'w') + "z"});
}

}  // namespace
}  // namespace isotach::command
