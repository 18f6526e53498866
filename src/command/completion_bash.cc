#include <fmt/format.h>

#include "command/completion_shells.h"
#include "command/describe.h"

namespace isotach::command {
namespace {

constexpr std::string_view kFunctions = R"(# Completion of isotach for bash. Made by: isotach completions bash

# Adds those words of the list that begin like the word at hand.
_isotach_words() {
  local -a found
  mapfile -t found < <(compgen -W "$1" -- "$current")
  COMPREPLY+=("${found[@]}")
}

# Adds files (-f), folders (-d) or programs (-c).
_isotach_compgen() {
  local -a found
  mapfile -t found < <(compgen "$1" -- "$current")
  COMPREPLY+=("${found[@]}")
  compopt -o filenames 2>/dev/null
}

# Adds the network interfaces there are now. Not by compgen -W, which would expand what is in a name.
_isotach_interfaces() {
  local path
  for path in /sys/class/net/*/; do
    path=${path%/}
    path=${path##*/}
    if [[ $path == "$current"* && $path != '*' ]]; then COMPREPLY+=("$path"); fi
  done
}

)";

constexpr std::string_view kBegin = R"(_isotach() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' option='' at
  COMPREPLY=()
  # "--name=value" comes as three words: "=" separates words in bash.
  if [[ $current == '=' ]]; then
    option=$previous current=''
  elif [[ $previous == '=' ]]; then
    option=${COMP_WORDS[COMP_CWORD - 2]}
  elif [[ $previous == -* ]]; then
    option=$previous
  fi
  if ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[1]} != -* ]]; then command=${COMP_WORDS[1]}; fi
)";

std::string action(const std::string& completes, const std::vector<std::string>& choices,
                   const std::vector<CommandSpec>& commands) {
  std::string text;
  if (!choices.empty()) text += fmt::format("_isotach_words '{}'; ", joined(choices));
  if (completes_with(completes, "command"))
    text += fmt::format("_isotach_words '{}'; ", command_names(commands));
  if (completes_with(completes, "metric")) text += "_isotach_words \"$metrics\"; ";
  if (completes_with(completes, "interface")) text += "_isotach_interfaces; ";
  if (completes_with(completes, "file")) text += "_isotach_compgen -f; ";
  if (completes_with(completes, "directory")) text += "_isotach_compgen -d; ";
  return text;
}

std::string value_cases(const CommandSpec& command, const std::vector<CommandSpec>& commands) {
  std::string text;
  for (const OptionSpec& option : all_options(command)) {
    if (option.value_name.empty()) continue;
    std::string pattern = fmt::format("'{} {}'", command.name, option.name);
    if (option.letter != 0) pattern += fmt::format(" | '{} -{}'", command.name, option.letter);
    text += fmt::format("    {}) {}return ;;\n", pattern, action(option.completes, option.choices, commands));
  }
  return text;
}

std::string option_words(const CommandSpec& command) {
  std::vector<std::string> words;
  for (const OptionSpec& option : all_options(command)) {
    words.push_back(option.name);
    if (option.letter != 0) words.push_back(std::string("-") + option.letter);
  }
  return joined(words);
}

}  // namespace

std::string bash_completion(const std::vector<CommandSpec>& commands,
                            const std::vector<std::string>& metrics) {
  std::string text(kFunctions);
  text += kBegin;
  text += fmt::format("  local metrics='{}'\n", joined(metrics));

  if (const std::string under = subcommand_patterns(commands, " | "); !under.empty())
    text += fmt::format(
        "  if ((COMP_CWORD > 2)); then\n    case \"$command ${{COMP_WORDS[2]}}\" in\n"
        "      {}) command+=\" ${{COMP_WORDS[2]}}\" ;;\n    esac\n  fi\n",
        under);

  const std::string launchers = launcher_patterns(commands, " | ");
  text += "\n  for ((at = 1; at < COMP_CWORD; at++)); do\n    [[ ${COMP_WORDS[at]} == -- ]] || continue\n";
  if (!launchers.empty())
    text += fmt::format(
        "    case $command in\n"
        "      {}) if ((at + 1 == COMP_CWORD)); then _isotach_compgen -c; else _isotach_compgen -f; fi ;;\n"
        "    esac\n",
        launchers);
  text += "    return\n  done\n\n  case \"$command $option\" in\n";
  for (const CommandSpec* command : listed(commands)) text += value_cases(*command, commands);
  text += "  esac\n\n  if [[ $current == -* ]]; then\n    case $command in\n";
  for (const CommandSpec* command : listed(commands))
    text += fmt::format("      {}) _isotach_words '{}' ;;\n", name_pattern(*command), option_words(*command));
  text += "    esac\n    return\n  fi\n\n";
  text += fmt::format("  if ((COMP_CWORD == 1)); then\n    _isotach_words '{}'\n    return\n  fi\n",
                      command_names(commands));
  text += "  case $command in\n";
  for (const CommandSpec* command : listed(commands)) {
    std::string actions;
    if (const std::string words = subcommand_words(commands, *command); !words.empty())
      actions = fmt::format("if ((COMP_CWORD == 2)); then _isotach_words '{}'; fi; ", words);
    for (const PositionalSpec& positional : command->positionals) {
      const std::string one = action(positional.completes, positional.choices, commands);
      // Words that stand in any place are offered in every place.
      if (actions.find(one) == std::string::npos) actions += one;
    }
    if (!actions.empty()) text += fmt::format("    {}) {};;\n", name_pattern(*command), actions);
  }
  return text + "  esac\n}\n\ncomplete -F _isotach isotach\n";
}

}  // namespace isotach::command
