// Text made from the command descriptions: --help pages.
#pragma once

#include <string>

#include "command/spec.h"

namespace isotach::command {

// isotach --help: all commands by area.
[[nodiscard]] std::string general_help(const std::vector<CommandSpec>& commands, int columns);
// isotach COMMAND --help.
[[nodiscard]] std::string command_help(const CommandSpec& spec, const std::vector<CommandSpec>& commands,
                                       int columns);
// "isotach 0.1.0"
[[nodiscard]] std::string version_line();

}  // namespace isotach::command
