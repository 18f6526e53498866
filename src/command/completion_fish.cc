#include <fmt/format.h>

#include "command/completion_shells.h"
#include "command/describe.h"

namespace isotach::command {
namespace {

constexpr std::string_view kFunctions = R"(# Completion of isotach for fish. Made by: isotach completions fish

# True while the words of this command are typed; without a name, those of isotach itself. A command with
# commands of its own is given them, and is left when one of them stands behind it.
function __isotach_in
    set -l words (commandline -opc)
    contains -- -- $words; and return 1
    if test -z "$argv[1]"
        test (count $words) -lt 2; or string match -q -- '-*' $words[2]
        return
    end
    __isotach_begins $words -- $argv[1]; or return 1
    test -n "$argv[2]"; and test (count $words) -gt 2; or return 0
    not contains -- $words[3] (string split ' ' -- $argv[2])
end

# True when the command line begins with this command: WORDS... -- NAME
function __isotach_begins
    set -l parts isotach (string split ' ' -- $argv[-1])
    set -l words $argv[2..-3]
    set -l length (math (count $parts) - 1)
    test (count $words) -ge $length; or return 1
    test "$words[1..$length]" = "$parts[2..-1]"
end

# True behind the "--" of this command.
function __isotach_launches
    set -l words (commandline -opc)
    set -l dashes (contains -i -- -- $words); or return 1
    test $dashes -gt 1; or return 1
    set -l last (math $dashes - 1)
    __isotach_begins $words[1..$last] -- $argv[1]
end

)";

// What __isotach_in wants to know of a command.
std::string condition(const CommandSpec& command, const std::vector<CommandSpec>& commands) {
  const std::string under = subcommand_words(commands, command);
  std::string text = "__isotach_in";
  if (!command.name.empty()) text += fmt::format(" \"{}\"", command.name);
  return under.empty() ? text : text + fmt::format(" \"{}\"", under);
}

// For the inside of '...'.
std::string quoted(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\'' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string value_flags(const OptionSpec& option) {
  if (option.value_name.empty()) return "";
  if (!option.choices.empty()) return fmt::format(" -x -a '{}'", quoted(joined(option.choices)));
  if (completes_with(option.completes, "metric")) return " -x -a '(__isotach_metrics)'";
  if (completes_with(option.completes, "interface")) return " -x -a '(__isotach_interfaces)'";
  if (completes_with(option.completes, "directory")) return " -x -a '(__fish_complete_directories)'";
  if (completes_with(option.completes, "file")) return " -r -F";
  return " -x";
}

std::string positional_lines(const CommandSpec& command, const std::vector<CommandSpec>& commands) {
  std::string text;
  for (const PositionalSpec& positional : command.positionals) {
    const std::string begin = fmt::format("complete -c isotach -n '{}'", condition(command, commands));
    if (!positional.choices.empty())
      text += begin + fmt::format(" -a '{}'\n", quoted(joined(positional.choices)));
    if (completes_with(positional.completes, "command"))
      text += begin + fmt::format(" -a '{}'\n", command_names(commands));
    if (completes_with(positional.completes, "metric")) text += begin + " -a '(__isotach_metrics)'\n";
    if (completes_with(positional.completes, "interface")) text += begin + " -a '(__isotach_interfaces)'\n";
    if (completes_with(positional.completes, "file")) text += begin + " -F\n";
    if (completes_with(positional.completes, "directory"))
      text += begin + " -a '(__fish_complete_directories)'\n";
  }
  return text;
}

}  // namespace

std::string fish_completion(const std::vector<CommandSpec>& commands,
                            const std::vector<std::string>& metrics) {
  std::string text(kFunctions);
  text += "function __isotach_metrics\n    string split ' ' '" + joined(metrics) + "'\nend\n\n";
  text +=
      "function __isotach_interfaces\n    for path in /sys/class/net/*/\n"
      "        string split -r -m1 -f2 / -- (string trim -r -c / -- $path)\n    end\nend\n\n";
  text += "complete -c isotach -f\n";
  for (const CommandSpec* command : listed(commands))
    if (!command->name.empty() && !is_subcommand(*command))
      text += fmt::format("complete -c isotach -n 'test (count (commandline -opc)) -lt 2' -a {} -d '{}'\n",
                          command->name, quoted(command->summary));
  for (const CommandSpec* command : listed(commands)) {
    text += '\n';
    for (const OptionSpec& option : all_options(*command)) {
      text += fmt::format("complete -c isotach -n '{}'", condition(*command, commands));
      if (option.letter != 0) text += fmt::format(" -s {}", option.letter);
      text +=
          fmt::format(" -l {}{} -d '{}'\n", option.name.substr(2), value_flags(option), quoted(option.help));
    }
    text += positional_lines(*command, commands);
    for (const CommandSpec* under : subcommands(commands, *command))
      text += fmt::format(
          "complete -c isotach -n '{}; and test (count (commandline -opc)) -eq 2' -a {} -d '{}'\n",
          condition(*command, commands), last_word(*under), quoted(under->summary));
    if (command->takes_command)
      text += fmt::format(
          "complete -c isotach -n '__isotach_launches \"{}\"' -F -a '(__fish_complete_command)'\n",
          command->name);
  }
  return text;
}

}  // namespace isotach::command
