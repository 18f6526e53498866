// The commands `isotach swap ...`, in the order of --help.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> swap_commands();

}  // namespace isotach::command
