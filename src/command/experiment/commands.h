// The commands `isotach experiment ...`, in the order of --help.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> experiment_commands();

}  // namespace isotach::command
