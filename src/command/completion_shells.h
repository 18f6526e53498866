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
[[nodiscard]] std::string command_names(const std::vector<CommandSpec>& commands);
// Whether `completes` of an option or positional names this, alone or among others: "metric file".
[[nodiscard]] bool completes_with(const std::string& completes, std::string_view what);

}  // namespace isotach::command
