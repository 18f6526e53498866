// isotach traffic.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> traffic_commands();

}  // namespace isotach::command
