#include <fmt/format.h>

#include "command/completion_shells.h"
#include "command/describe.h"

namespace isotach::command {
namespace {

// For the inside of '...'.
std::string quoted(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\'') {
      escaped += "'\\''";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// For texts inside _arguments and _describe: brackets, colons and backslashes mean something there.
std::string described(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return quoted(escaped);
}

std::string action(const std::string& completes, const std::vector<std::string>& choices) {
  if (!choices.empty()) return '(' + joined(choices) + ')';
  std::vector<std::string> calls;
  if (completes_with(completes, "command")) calls.push_back("_isotach_commands");
  if (completes_with(completes, "metric")) calls.push_back("_isotach_metrics");
  if (completes_with(completes, "interface")) calls.push_back("_isotach_interfaces");
  if (completes_with(completes, "file")) calls.push_back("_files");
  if (completes_with(completes, "directory")) calls.push_back("_files -/");
  if (calls.empty()) return " ";  // only says what is expected
  if (calls.size() == 1) return calls.front();
  std::string text = "{";
  for (const std::string& call : calls) text += call + "; ";
  return text + '}';
}

std::string option_line(const OptionSpec& option) {
  const bool valued = !option.value_name.empty();
  std::string words = option.name + (valued ? "=" : "");
  std::string excluded = option.name;
  if (option.letter != 0) {
    words = fmt::format("'{{-{}{},{}}}'", option.letter, valued ? "+" : "", words);
    excluded += fmt::format(" -{}", option.letter);
  }
  std::string line = option.repeatable ? "'*" : fmt::format("'({})", excluded);
  line += words + '[' + described(option.help) + ']';
  if (valued) line += ':' + described(option.value_name) + ':' + action(option.completes, option.choices);
  return line + '\'';
}

std::string arguments_call(const CommandSpec& command) {
  std::string text = "      _arguments -s -S";
  for (const OptionSpec& option : all_options(command)) text += " \\\n        " + option_line(option);
  for (std::size_t i = 0; i < command.positionals.size(); ++i) {
    const PositionalSpec& positional = command.positionals[i];
    const std::string place = positional.repeatable ? "*" : std::to_string(i + 1);
    text += fmt::format(" \\\n        '{}:{}:{}'", place, described(positional.name),
                        action(positional.completes, positional.choices));
  }
  return text + '\n';
}

// Adds a function that offers the commands of a command; the names of those that have some, as a pattern.
std::string parents_function(const std::vector<CommandSpec>& commands, std::string& text) {
  std::string parents;
  std::string cases;
  for (const CommandSpec* parent : listed(commands)) {
    const std::vector<const CommandSpec*> under = subcommands(commands, *parent);
    if (under.empty()) continue;
    parents += (parents.empty() ? "" : "|") + parent->name;
    cases += fmt::format("    {}) commands=(\n", parent->name);
    for (const CommandSpec* each : under)
      cases += fmt::format("      '{}:{}'\n", last_word(*each), described(each->summary));
    cases += "    ) ;;\n";
  }
  if (!parents.empty())
    text += "_isotach_subcommands() {\n  local -a commands\n  case $1 in\n" + cases +
            "  esac\n  _describe -t commands command commands\n}\n\n";
  return parents;
}

}  // namespace

std::string zsh_completion(const std::vector<CommandSpec>& commands,
                           const std::vector<std::string>& metrics) {
  std::string text =
      "#compdef isotach\n# Completion of isotach for zsh. Made by: isotach completions zsh\n\n"
      "_isotach_commands() {\n  local -a commands=(\n";
  for (const CommandSpec* command : listed(commands))
    if (!command->name.empty() && !is_subcommand(*command))
      text += fmt::format("    '{}:{}'\n", command->name, described(command->summary));
  text += "  )\n  _describe -t commands command commands\n}\n\n_isotach_metrics() {\n  local -a metrics=(\n";
  for (const std::string& metric : metrics) text += "    " + metric + '\n';
  text += "  )\n  compadd -X metric -a metrics\n}\n\n";
  text +=
      "_isotach_interfaces() {\n  local -a interfaces=(/sys/class/net/*(-/N:t))\n"
      "  compadd -X interface -a interfaces\n}\n\n";

  const std::string parents = parents_function(commands, text);
  const std::string launchers = launcher_patterns(commands, "|");
  text +=
      "_isotach() {\n"
      "  local command=\n"
      "  if ((CURRENT == 2)) && [[ ${words[2]} != -* ]]; then\n    _isotach_commands\n    return\n  fi\n"
      "  if ((CURRENT > 2)) && [[ ${words[2]} != -* ]]; then\n"
      "    command=${words[2]}\n    shift words\n    ((CURRENT--))\n  fi\n";
  if (!parents.empty())
    text += fmt::format(
        "  if ((CURRENT == 2)) && [[ $command == ({}) && ${{words[2]}} != -* ]]; then\n"
        "    _isotach_subcommands $command\n    return\n  fi\n"
        "  if ((CURRENT > 2)) && [[ \"$command ${{words[2]}}\" == ({}) ]]; then\n"
        "    command+=\" ${{words[2]}}\"\n    shift words\n    ((CURRENT--))\n  fi\n",
        parents, subcommand_patterns(commands, "|"));
  if (!launchers.empty())
    text += fmt::format(
        "  # Behind \"--\" stands a program with its own arguments.\n"
        "  local dashes=${{words[(i)--]}}\n"
        "  if ((dashes < CURRENT)) && [[ $command == ({}) ]]; then\n"
        "    shift dashes words\n    ((CURRENT -= dashes))\n    _normal\n    return\n  fi\n",
        launchers);
  text += "  case $command in\n";
  for (const CommandSpec* command : listed(commands)) {
    text += fmt::format("    {})\n", name_pattern(*command));
    text += arguments_call(*command) + "      ;;\n";
  }
  text += "  esac\n}\n\n";
  // Read by the completion system it is called at once; read by "source" it is made known.
  return text +
         "if [[ ${funcstack[1]} == _isotach ]]; then\n  _isotach \"$@\"\nelse\n  compdef _isotach "
         "isotach\nfi\n";
}

}  // namespace isotach::command
