// isotach mesh and its commands: tests between all pairs of hosts, by one file.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> mesh_commands();

}  // namespace isotach::command
