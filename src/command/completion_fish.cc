#include <fmt/format.h>

#include "command/completion_shells.h"
#include "command/describe.h"

namespace isotach::command {
namespace {

constexpr std::string_view kFunctions = R"(# Completion of isotach for fish. Made by: isotach completions fish

# True while the words of this command are typed; without a name, those of isotach itself.
function __isotach_in
    set -l words (commandline -opc)
    contains -- -- $words; and return 1
    if test -z "$argv[1]"
        test (count $words) -lt 2; or string match -q -- '-*' $words[2]
    else
        test (count $words) -ge 2; and test "$words[2]" = "$argv[1]"
    end
end

# True behind the "--" of this command.
function __isotach_launches
    set -l words (commandline -opc)
    contains -- -- $words; and test "$words[2]" = "$argv[1]"
end

)";

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
  if (completes_with(option.completes, "directory")) return " -x -a '(__fish_complete_directories)'";
  if (completes_with(option.completes, "file")) return " -r -F";
  return " -x";
}

std::string positional_lines(const CommandSpec& command, const std::vector<CommandSpec>& commands) {
  std::string text;
  for (const PositionalSpec& positional : command.positionals) {
    const std::string begin = fmt::format("complete -c isotach -n '__isotach_in {}'", command.name);
    if (!positional.choices.empty())
      text += begin + fmt::format(" -a '{}'\n", quoted(joined(positional.choices)));
    if (completes_with(positional.completes, "command"))
      text += begin + fmt::format(" -a '{}'\n", command_names(commands));
    if (completes_with(positional.completes, "metric")) text += begin + " -a '(__isotach_metrics)'\n";
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
  text += "complete -c isotach -f\n";
  for (const CommandSpec* command : listed(commands))
    if (!command->name.empty())
      text += fmt::format("complete -c isotach -n 'test (count (commandline -opc)) -lt 2' -a {} -d '{}'\n",
                          command->name, quoted(command->summary));
  for (const CommandSpec* command : listed(commands)) {
    text += '\n';
    for (const OptionSpec& option : all_options(*command)) {
      text += fmt::format("complete -c isotach -n '__isotach_in {}'", command->name);
      if (option.letter != 0) text += fmt::format(" -s {}", option.letter);
      text +=
          fmt::format(" -l {}{} -d '{}'\n", option.name.substr(2), value_flags(option), quoted(option.help));
    }
    text += positional_lines(*command, commands);
    if (command->takes_command)
      text +=
          fmt::format("complete -c isotach -n '__isotach_launches {}' -F -a '(__fish_complete_command)'\n",
                      command->name);
  }
  return text;
}

}  // namespace isotach::command
