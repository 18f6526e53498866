// isotach connections: what each TCP connection of a capture did.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> connections_commands();

}  // namespace isotach::command
