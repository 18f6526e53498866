#include "command/help.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "command/version.h"

namespace isotach::command {
namespace {

// `text` in lines of at most `columns`, each after `indent` blanks. Paragraphs stay apart.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t columns) {
  std::string out;
  const std::string blanks(indent, ' ');
  for (const std::string_view line : split(text, '\n')) {
    std::string current;
    for (const std::string_view word : split_blanks(line)) {
      if (!current.empty() && indent + display_width(current) + 1 + display_width(word) > columns) {
        out += blanks + current + '\n';
        current.clear();
      }
      if (!current.empty()) current += ' ';
      current += word;
    }
    out += current.empty() ? "\n" : blanks + current + '\n';
  }
  return out;
}

// "  left      right, wrapped beside it"
std::string two_columns(const std::string& left, std::string_view right, std::size_t left_width,
                        std::size_t columns) {
  const std::size_t indent = left_width + 4;
  if (columns < indent + 20) return "  " + left + '\n' + wrapped(right, 6, columns);
  std::string text = wrapped(right, indent, columns);
  const std::size_t width = display_width(left);
  if (width > left_width) return "  " + left + '\n' + text;
  return "  " + left + text.substr(2 + width);
}

std::string option_left(const OptionSpec& option) {
  std::string left = option.letter != 0 ? fmt::format("-{}, ", option.letter) : "    ";
  left += option.name;
  if (!option.value_name.empty()) left += ' ' + option.value_name;
  return left;
}

constexpr std::size_t kLeftWidth = 28;

constexpr std::string_view kExitCodes =
    "exit codes: 0 ok  1 failed or a check found something  2 usage  3 --fail-if met\n"
    "            4 not permitted  5 not supported here  130 a planned test cut short\n";

}  // namespace

std::string version_line() { return fmt::format("isotach {}", kVersion); }

std::string general_help(const std::vector<CommandSpec>& commands, int columns) {
  const auto width = static_cast<std::size_t>(std::max(columns, 20));
  std::string text =
      "isotach - measures this machine and says what is wrong\n\n"
      "usage: isotach                    live overview of this machine\n"
      "       isotach COMMAND [OPTIONS]  isotach COMMAND --help tells more\n";
  std::vector<std::string> areas;
  for (const CommandSpec& command : commands)
    if (!command.hidden && std::find(areas.begin(), areas.end(), command.area) == areas.end())
      areas.push_back(command.area);
  for (const std::string& area : areas) {
    text += '\n' + area + ":\n";
    for (const CommandSpec& command : commands)
      if (!command.hidden && command.area == area)
        text += two_columns(command.name.empty() ? "(no command)" : command.name, command.summary, 14,
                            width);
  }
  text += "\neverywhere:\n";
  text += two_columns("--help", "explain a command, with examples", 14, width);
  text += two_columns("--version", "print the version", 14, width);
  text += two_columns("--color WHEN", "always, never or auto; NO_COLOR is obeyed", 14, width);
  text += '\n';
  text += kExitCodes;
  return text;
}

std::string command_help(const CommandSpec& spec, int columns) {
  const auto width = static_cast<std::size_t>(std::clamp(columns, 20, 100));
  std::string text = spec.name.empty() ? "isotach" : "isotach " + spec.name;
  text += " - " + spec.summary + "\n\n";
  for (std::size_t i = 0; i < spec.usages.size(); ++i)
    text += (i == 0 ? "usage: " : "       ") + spec.usages[i] + '\n';
  if (!spec.examples.empty()) {
    text += "\nexamples:\n";
    std::size_t left = 0;
    for (const ExampleSpec& example : spec.examples)
      left = std::max(left, display_width(example.command));
    for (const ExampleSpec& example : spec.examples)
      text += two_columns(example.command, example.effect, std::min<std::size_t>(left, 44), width);
  }
  if (!spec.description.empty()) text += '\n' + wrapped(spec.description, 0, width);
  if (!spec.positionals.empty()) {
    text += "\narguments:\n";
    for (const PositionalSpec& positional : spec.positionals)
      text += two_columns(positional.name, positional.help, kLeftWidth, width);
  }
  std::vector<std::string> groups;
  for (const OptionSpec& option : spec.options)
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end())
      groups.push_back(option.group);
  for (const std::string& group : groups) {
    text += '\n' + (group.empty() ? std::string("options") : group) + ":\n";
    for (const OptionSpec& option : spec.options) {
      if (option.group != group) continue;
      std::string help = option.help;
      for (std::size_t i = 0; i < option.choices.size(); ++i)
        help += (i == 0 ? ": " : ", ") + option.choices[i];
      text += two_columns(option_left(option), help, kLeftWidth, width);
    }
  }
  text += '\n';
  text += kExitCodes;
  return text;
}

}  // namespace isotach::command
