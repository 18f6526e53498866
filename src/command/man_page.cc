#include "command/man_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "command/describe.h"
#include "command/version.h"

namespace isotach::command {
namespace {

std::string reference(const CommandSpec& spec) {
  return '*' + scdoc_escaped(man_page_name(spec)) + "*(1)";
}

// A term and, indented below it, what it means. scdoc takes a tab for that.
std::string definition(const std::string& term, std::string_view meaning) {
  return term + "\n\t" + scdoc_escaped(meaning) + "\n\n";
}

std::string section(std::string_view title) {
  return fmt::format("# {}\n\n", title);
}

// "isotach vm [DELAY]" with the words that are typed as they stand in bold.
std::string usage_line(const std::string& usage) {
  std::string line;
  bool literal = true;
  for (const std::string_view word : split_blanks(usage)) {
    // The first word that is not a plain name ends the command's own name.
    literal = literal && word.find_first_of("[]<>|.-") == std::string_view::npos &&
              word.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos;
    if (!line.empty()) line += ' ';
    line += literal ? '*' + scdoc_escaped(word) + '*' : scdoc_escaped(word);
  }
  return line;
}

std::string synopsis(const CommandSpec& spec) {
  std::string text = section("SYNOPSIS");
  for (const std::string& usage : spec.usages) text += usage_line(usage) + "\n\n";
  if (spec.usages.empty()) text += '*' + full_name(spec) + "*\n\n";
  return text;
}

std::string description(const CommandSpec& spec) {
  std::string text = section("DESCRIPTION");
  for (const std::string& paragraph : paragraphs(spec.description)) text += scdoc_escaped(paragraph) + "\n\n";
  return text;
}

std::string command_list(const std::vector<CommandSpec>& commands) {
  std::string text = section("COMMANDS");
  for (const std::string& area : areas(commands)) {
    text += "## " + scdoc_escaped(area) + "\n\n";
    for (const CommandSpec& command : commands) {
      if (command.hidden || command.area != area || is_subcommand(command)) continue;
      text += definition(command.name.empty() ? "*isotach*" : reference(command), command.summary);
    }
  }
  return text;
}

std::string subcommand_list(const CommandSpec& spec, const std::vector<CommandSpec>& commands) {
  const std::vector<const CommandSpec*> under = subcommands(commands, spec);
  if (under.empty()) return {};
  std::string text = section("COMMANDS");
  for (const CommandSpec* each : under) text += definition(reference(*each), each->summary);
  return text;
}

// What belongs beside it: of a command of "swap" the other ones, of others the commands that stand alone.
bool is_neighbour(const CommandSpec& spec, const CommandSpec& other) {
  if (other.hidden || other.name == spec.name) return false;
  if (!is_subcommand(other)) return !is_subcommand(spec) || spec.name.starts_with(other.name + ' ');
  const std::string parent = other.name.substr(0, other.name.find(' '));
  return spec.name == parent || spec.name.starts_with(parent + ' ');
}

std::string arguments(const CommandSpec& spec) {
  if (spec.positionals.empty()) return {};
  std::string text = section("ARGUMENTS");
  for (const PositionalSpec& positional : spec.positionals)
    text += definition('*' + scdoc_escaped(positional.name) + '*', positional_help(positional));
  return text;
}

std::string option_term(const OptionSpec& option) {
  std::string term = option.letter != 0 ? "*-" + scdoc_escaped(std::string(1, option.letter)) + "*, " : "";
  term += '*' + scdoc_escaped(option.name) + '*';
  if (!option.value_name.empty()) term += " _" + scdoc_escaped(option.value_name) + '_';
  return term;
}

std::string options(const CommandSpec& spec) {
  std::string text = section("OPTIONS");
  const std::vector<OptionSpec> all = all_options(spec);
  for (const std::string& group : option_groups(all)) {
    text += "## " + scdoc_escaped(group.empty() ? "options" : group) + "\n\n";
    for (const OptionSpec& option : all)
      if (option.group == group) text += definition(option_term(option), option_help(option));
  }
  return text;
}

std::string examples(const CommandSpec& spec) {
  if (spec.examples.empty()) return {};
  std::string text = section("EXAMPLES");
  for (const ExampleSpec& example : spec.examples)
    text += definition('*' + scdoc_escaped(example.command) + '*', example.effect);
  return text;
}

std::string exit_status() {
  std::string text = section("EXIT STATUS");
  for (const ExitCode& each : exit_codes()) text += definition(fmt::format("*{}*", each.code), each.meaning);
  return text;
}

std::string environment() {
  return section("ENVIRONMENT") +
         definition("*NO\\_COLOR*",
                    "When set and not empty, no colours are used unless --color always is given.") +
         definition("*COLUMNS*, *LINES*", "The size of the terminal, where it is not to be asked for it.") +
         definition("*TERM*", "The kind of terminal. \"dumb\" means plain text without colours.");
}

std::string files() {
  return section("FILES") +
         definition(
             "*/proc*, */sys*",
             "Where the kernel tells what is shown. --proc-root DIR reads a saved copy instead, where a "
             "command has that option.");
}

std::string see_also(const CommandSpec& spec, const std::vector<CommandSpec>& commands) {
  std::string text = section("SEE ALSO");
  bool first = true;
  for (const CommandSpec& command : commands) {
    if (!is_neighbour(spec, command)) continue;
    if (!first) text += ", ";
    first = false;
    text += reference(command);
  }
  return text + '\n';
}

}  // namespace

std::string scdoc_escaped(std::string_view text) {
  std::string escaped;
  bool line_start = true;
  for (const char c : text) {
    const bool markup =
        c == '\\' || c == '*' || c == '_' || c == '`' || c == '<' || c == '>' || c == '~' || c == '+';
    // At the start of a line these open headings, lists, tables, comments and literal blocks.
    const bool opens = line_start && (c == '#' || c == '-' || c == '.' || c == '[' || c == ']' || c == '|' ||
                                      c == ';' || c == '!' || c == '\'' || c == '\t' || c == ' ');
    if (opens && (c == '\t' || c == ' ')) continue;  // it would be an indented block
    if (markup || opens) escaped += '\\';
    escaped += c;
    line_start = c == '\n';
  }
  return escaped;
}

std::string man_page_name(const CommandSpec& spec) {
  std::string name = spec.name.empty() ? "isotach" : "isotach-" + spec.name;
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string man_page(const CommandSpec& spec, const std::vector<CommandSpec>& commands) {
  const bool overview = spec.name.empty();
  std::string text =
      fmt::format("{}(1) \"isotach {}\" \"Isotach manual\"\n\n", man_page_name(spec), kVersion);
  text += section("NAME") + scdoc_escaped(man_page_name(spec)) + " - " + scdoc_escaped(spec.summary) + "\n\n";
  text += synopsis(spec) + description(spec);
  if (overview) text += command_list(commands);
  text += subcommand_list(spec, commands) + examples(spec) + arguments(spec) + options(spec) + exit_status() +
          environment() + files();
  return text + see_also(spec, commands);
}

}  // namespace isotach::command
