// isotach lab and its commands: machines and networks to learn and test on.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> lab_commands();

[[nodiscard]] CommandSpec lab_net_command();

}  // namespace isotach::command
