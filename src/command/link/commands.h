// isotach link and its commands.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> link_commands();

[[nodiscard]] CommandSpec link_command();
[[nodiscard]] CommandSpec link_check_command();
[[nodiscard]] CommandSpec link_set_command();
[[nodiscard]] CommandSpec link_confirm_command();

}  // namespace isotach::command
