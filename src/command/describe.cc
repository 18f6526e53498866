#include "command/describe.h"

#include <algorithm>

#include "base/text.h"
#include "command/context.h"

namespace isotach::command {
namespace {

constexpr ExitCode kExitCodes[] = {
    {kExitOk, "ok"},
    {kExitFailed, "failed, or a check found something"},
    {kExitUsage, "wrong usage"},
    {kExitThreshold, "--fail-if met"},
    {kExitNotPermitted, "not permitted"},
    {kExitNotSupported, "not supported here"},
    {kExitCutShort, "a planned test was cut short"},
};

void add_once(std::vector<std::string>& list, const std::string& word) {
  if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
}

std::string with_choices(std::string help, const std::vector<std::string>& choices) {
  for (std::size_t i = 0; i < choices.size(); ++i) help += (i == 0 ? " (" : ", ") + choices[i];
  return choices.empty() ? help : help + ')';
}

}  // namespace

std::span<const ExitCode> exit_codes() {
  return kExitCodes;
}

std::vector<OptionSpec> everywhere_options(const CommandSpec& spec) {
  const auto free_letter = [&](char letter) {
    const bool taken = std::any_of(spec.options.begin(), spec.options.end(),
                                   [&](const OptionSpec& option) { return option.letter == letter; });
    return taken ? char{0} : letter;
  };
  return {
      {"--help", free_letter('h'), "", "explain the command, with examples", "everywhere"},
      {"--version", free_letter('V'), "", "print the version", "everywhere"},
      {"--color", 0, "WHEN", "when to use colours", "everywhere", {"always", "never", "auto"}},
  };
}

std::string full_name(const CommandSpec& spec) {
  return spec.name.empty() ? "isotach" : "isotach " + spec.name;
}

std::string option_text(const OptionSpec& option) {
  std::string text;
  if (option.letter != 0) text = std::string("-") + option.letter + ", ";
  text += option.name;
  if (!option.value_name.empty()) text += ' ' + option.value_name;
  return text;
}

std::string option_help(const OptionSpec& option) {
  return with_choices(option.help, option.choices);
}

std::string positional_help(const PositionalSpec& positional) {
  return with_choices(positional.help, positional.choices);
}

std::vector<OptionSpec> all_options(const CommandSpec& spec) {
  std::vector<OptionSpec> options = spec.options;
  const std::vector<OptionSpec> everywhere = everywhere_options(spec);
  options.insert(options.end(), everywhere.begin(), everywhere.end());
  return options;
}

std::vector<std::string> option_groups(const std::vector<OptionSpec>& options) {
  std::vector<std::string> groups;
  for (const OptionSpec& option : options) add_once(groups, option.group);
  return groups;
}

std::vector<std::string> areas(const std::vector<CommandSpec>& commands) {
  std::vector<std::string> found;
  for (const CommandSpec& command : commands)
    if (!command.hidden && !is_subcommand(command)) add_once(found, command.area);
  return found;
}

const CommandSpec* find_command(const std::vector<CommandSpec>& commands, std::string_view name) {
  for (const CommandSpec& command : commands)
    if (command.name == name) return &command;
  return nullptr;
}

bool is_subcommand(const CommandSpec& spec) {
  return spec.name.find(' ') != std::string::npos;
}

std::vector<const CommandSpec*> subcommands(const std::vector<CommandSpec>& commands,
                                            const CommandSpec& parent) {
  std::vector<const CommandSpec*> found;
  if (parent.name.empty()) return found;
  for (const CommandSpec& command : commands)
    if (!command.hidden && command.name.starts_with(parent.name + ' ')) found.push_back(&command);
  return found;
}

std::string last_word(const CommandSpec& spec) {
  const std::size_t blank = spec.name.rfind(' ');
  return blank == std::string::npos ? spec.name : spec.name.substr(blank + 1);
}

std::vector<std::string> paragraphs(std::string_view text) {
  std::vector<std::string> found;
  std::string current;
  for (const std::string_view line : split(text, '\n')) {
    if (!trim(line).empty()) {
      if (!current.empty()) current += '\n';
      current += line;
    } else if (!current.empty()) {
      found.push_back(std::move(current));
      current.clear();
    }
  }
  if (!current.empty()) found.push_back(std::move(current));
  return found;
}

}  // namespace isotach::command
