#include "command/completion_script.h"

#include <fmt/format.h>

#include "command/completion_shells.h"
#include "command/describe.h"
#include "command/traffic/recorded.h"
#include "machine/metrics.h"
#include "memory/process/metrics.h"

namespace isotach::command {

std::string_view shell_name(Shell shell) {
  switch (shell) {
    case Shell::zsh:
      return "zsh";
    case Shell::fish:
      return "fish";
    case Shell::bash:
      break;
  }
  return "bash";
}

std::optional<Shell> shell_from_name(std::string_view name) {
  for (const Shell shell : kShells)
    if (shell_name(shell) == name) return shell;
  return std::nullopt;
}

std::vector<const CommandSpec*> listed(const std::vector<CommandSpec>& commands) {
  std::vector<const CommandSpec*> found;
  for (const CommandSpec& command : commands)
    if (!command.hidden) found.push_back(&command);
  return found;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string command_names(const std::vector<CommandSpec>& commands) {
  std::vector<std::string> names;
  for (const CommandSpec* command : listed(commands))
    if (!command->name.empty() && !is_subcommand(*command)) names.push_back(command->name);
  return joined(names);
}

std::string subcommand_words(const std::vector<CommandSpec>& commands, const CommandSpec& parent) {
  std::vector<std::string> names;
  for (const CommandSpec* command : subcommands(commands, parent)) names.push_back(last_word(*command));
  return joined(names);
}

std::string name_pattern(const CommandSpec& command) {
  return command.name.empty() || is_subcommand(command) ? '\'' + command.name + '\'' : command.name;
}

std::string subcommand_patterns(const std::vector<CommandSpec>& commands, std::string_view separator) {
  std::string text;
  for (const CommandSpec* command : listed(commands))
    if (is_subcommand(*command))
      text += (text.empty() ? "" : std::string(separator)) + name_pattern(*command);
  return text;
}

std::string launcher_patterns(const std::vector<CommandSpec>& commands, std::string_view separator) {
  std::string text;
  for (const CommandSpec* command : listed(commands))
    if (command->takes_command) text += (text.empty() ? "" : std::string(separator)) + name_pattern(*command);
  return text;
}

bool completes_with(const std::string& completes, std::string_view what) {
  return completes.find(what) != std::string::npos;
}

std::string completion_script(Shell shell, const std::vector<CommandSpec>& commands,
                              const std::vector<std::string>& metrics) {
  switch (shell) {
    case Shell::zsh:
      return zsh_completion(commands, metrics);
    case Shell::fish:
      return fish_completion(commands, metrics);
    case Shell::bash:
      break;
  }
  return bash_completion(commands, metrics);
}

std::string completion_script(Shell shell) {
  std::vector<std::string> metrics;
  for (const record::MetricDescriptor& metric : machine::machine_metrics()) metrics.push_back(metric.name);
  for (const record::MetricDescriptor& metric : memory::process_metrics()) metrics.push_back(metric.name);
  for (const record::MetricDescriptor& metric : traffic_metrics()) metrics.push_back(metric.name);
  return completion_script(shell, all_commands(), metrics);
}

}  // namespace isotach::command
