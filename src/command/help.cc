#include "command/help.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "command/describe.h"
#include "command/version.h"

namespace isotach::command {
namespace {

constexpr std::size_t kNarrowest = 20;
constexpr std::size_t kWidest = 100;           // longer lines are hard to read
constexpr std::size_t kLeftLimit = 30;         // of a left column; longer ones stand on a line of their own
constexpr std::size_t kRightAtLeast = 24;      // a narrower right column goes below the left one
constexpr std::size_t kGeneralLeftWidth = 12;  // "completions"

// Two columns, the right one wrapped beside the left, or below it where the terminal is narrow.
class Columns {
 public:
  Columns(std::size_t left_width, std::size_t columns)
      : left_width_(std::min(left_width, kLeftLimit)), columns_(columns) {}

  [[nodiscard]] std::string row(const std::string& left, std::string_view right) const {
    const std::size_t indent = 2 + left_width_ + 2;
    if (columns_ < indent + kRightAtLeast) return "  " + left + '\n' + wrap_words(right, 6, 6, columns_);
    const std::size_t width = display_width(left);
    if (width > left_width_) return "  " + left + '\n' + wrap_words(right, indent, indent, columns_);
    const std::string text = wrap_words(right, indent, indent, columns_);
    return "  " + left + (text.empty() ? "\n" : text.substr(2 + width));
  }

 private:
  std::size_t left_width_;
  std::size_t columns_;
};

// Options without a letter line up with those that have one.
std::string option_left(const OptionSpec& option) {
  return option.letter != 0 ? option_text(option) : "    " + option_text(option);
}

std::size_t option_left_width(const std::vector<OptionSpec>& options) {
  std::size_t width = 0;
  for (const OptionSpec& option : options) {
    const std::size_t left = display_width(option_left(option));
    if (left <= kLeftLimit) width = std::max(width, left);
  }
  return width;
}

std::string exit_code_lines(std::size_t columns) {
  std::string text;
  std::string line = "exit codes:";
  for (const ExitCode& each : exit_codes()) {
    const bool last = each.code == exit_codes().back().code;
    const std::string piece = fmt::format(" {} {}{}", each.code, each.meaning, last ? "" : ";");
    // A code stays with its meaning.
    if (display_width(line) + display_width(piece) > columns) {
      text += wrap_words(line, text.empty() ? 0 : 2, 4, columns);
      line = " ";
    }
    line += piece;
  }
  return text + wrap_words(line, text.empty() ? 0 : 2, 4, columns);
}

std::string usage_lines(const CommandSpec& spec, std::size_t columns) {
  const std::size_t hang = columns < 40 ? 2 : 7;  // below "usage: "
  std::string text;
  for (std::size_t i = 0; i < spec.usages.size(); ++i)
    text += wrap_words((i == 0 ? "usage: " : "") + spec.usages[i], i == 0 ? 0 : hang, hang + 4, columns);
  return text;
}

std::string subcommand_lines(const CommandSpec& spec, const std::vector<CommandSpec>& commands,
                             std::size_t columns) {
  const std::vector<const CommandSpec*> under = subcommands(commands, spec);
  if (under.empty()) return {};
  std::size_t left = 0;
  for (const CommandSpec* each : under) left = std::max(left, display_width(each->name));
  const Columns table(left, columns);
  std::string text = "\ncommands:\n";
  for (const CommandSpec* each : under) text += table.row(each->name, each->summary);
  return text;
}

std::string example_lines(const CommandSpec& spec, std::size_t columns) {
  std::size_t left = 0;
  for (const ExampleSpec& example : spec.examples) left = std::max(left, display_width(example.command));
  // Beside each other only where all of them fit so: mixed forms are hard to read.
  const bool beside = left <= kLeftLimit && columns >= 2 + left + 2 + kRightAtLeast;
  std::string text;
  for (const ExampleSpec& example : spec.examples)
    text += beside ? Columns(left, columns).row(example.command, example.effect)
                   : "  " + example.command + '\n' + wrap_words(example.effect, 6, 6, columns);
  return text;
}

}  // namespace

std::string version_line() {
  return fmt::format("isotach {}", kVersion);
}

std::string general_help(const std::vector<CommandSpec>& commands, int columns) {
  const std::size_t width = std::clamp(static_cast<std::size_t>(std::max(columns, 0)), kNarrowest, kWidest);
  const Columns table(kGeneralLeftWidth, width);
  std::string text = wrap_words("isotach - measures a Linux machine and says what is wrong", 0, 2, width);
  text += '\n' + wrap_words("usage: isotach [OPTIONS]", 0, 11, width);
  text += wrap_words("isotach COMMAND [OPTIONS]", 7, 11, width);
  for (const std::string& area : areas(commands)) {
    text += '\n' + area + ":\n";
    for (const CommandSpec& command : commands)
      if (!command.hidden && command.area == area && !is_subcommand(command))
        text += table.row(command.name.empty() ? "(none)" : command.name, command.summary);
  }
  if (const CommandSpec* overview = find_command(commands, ""); overview != nullptr) {
    const std::vector<OptionSpec> options = all_options(*overview);
    const Columns option_table(option_left_width(options), width);
    text += "\nwithout a command:\n";
    for (const OptionSpec& option : options)
      text += option_table.row(option_left(option), option_help(option));
  }
  text += '\n' + wrap_words("isotach COMMAND --help explains a command, with examples.", 0, 0, width);
  return text + '\n' + exit_code_lines(width);
}

std::string command_help(const CommandSpec& spec, const std::vector<CommandSpec>& commands, int columns) {
  const std::size_t width = std::clamp(static_cast<std::size_t>(std::max(columns, 0)), kNarrowest, kWidest);
  std::string text = wrap_words(full_name(spec) + " - " + spec.summary, 0, 2, width);
  if (!spec.usages.empty()) text += '\n' + usage_lines(spec, width);
  if (!spec.examples.empty()) text += "\nexamples:\n" + example_lines(spec, width);
  for (const std::string& paragraph : paragraphs(spec.description))
    text += '\n' + wrap_words(paragraph, 0, 0, width);

  text += subcommand_lines(spec, commands, width);

  const std::vector<OptionSpec> options = all_options(spec);
  std::size_t left = option_left_width(options);
  for (const PositionalSpec& positional : spec.positionals)
    left = std::max(left, display_width(positional.name));
  const Columns table(left, width);

  if (!spec.positionals.empty()) {
    text += "\narguments:\n";
    for (const PositionalSpec& positional : spec.positionals)
      text += table.row(positional.name, positional_help(positional));
  }
  for (const std::string& group : option_groups(options)) {
    text += '\n' + group + ":\n";
    for (const OptionSpec& option : options)
      if (option.group == group) text += table.row(option_left(option), option_help(option));
  }
  return text + '\n' + exit_code_lines(width);
}

}  // namespace isotach::command
