// The commands `isotach swap ...`, in the order of --help.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> swap_commands();

// Each in its own file.
[[nodiscard]] CommandSpec swap_list_command();
[[nodiscard]] CommandSpec swap_top_command();

}  // namespace isotach::command
