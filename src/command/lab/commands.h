// isotach lab and its commands: what there is to learn and test on.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> lab_commands();

[[nodiscard]] CommandSpec lab_command();
[[nodiscard]] CommandSpec lab_net_command();
[[nodiscard]] CommandSpec practice_links_command();  // hidden

}  // namespace isotach::command
