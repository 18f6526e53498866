// The script of each shell, and what they share. Only for completion_*.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::string bash_completion(const std::vector<CommandSpec>& commands,
                                          const std::vector<std::string>& metrics);
[[nodiscard]] std::string zsh_completion(const std::vector<CommandSpec>& commands,
                                         const std::vector<std::string>& metrics);
[[nodiscard]] std::string fish_completion(const std::vector<CommandSpec>& commands,
                                          const std::vector<std::string>& metrics);

// Commands that are not hidden.
[[nodiscard]] std::vector<const CommandSpec*> listed(const std::vector<CommandSpec>& commands);
[[nodiscard]] std::string joined(const std::vector<std::string>& words);  // with blanks between
// Those that are no command of another.
[[nodiscard]] std::string command_names(const std::vector<CommandSpec>& commands);
// "create on off" of "swap"; empty where it has none.
[[nodiscard]] std::string subcommand_words(const std::vector<CommandSpec>& commands,
                                           const CommandSpec& parent);
// The name as a pattern of bash and zsh: quoted where it is empty or has a blank.
[[nodiscard]] std::string name_pattern(const CommandSpec& command);
// All commands of others, and all that start a program, as one pattern; empty where there are none.
[[nodiscard]] std::string subcommand_patterns(const std::vector<CommandSpec>& commands,
                                              std::string_view separator);
[[nodiscard]] std::string launcher_patterns(const std::vector<CommandSpec>& commands,
                                            std::string_view separator);
// Whether `completes` of an option or positional names this, alone or among others: "metric file".
[[nodiscard]] bool completes_with(const std::string& completes, std::string_view what);

}  // namespace isotach::command
