// The commands `isotach ksm ...`, in the order of --help.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> ksm_commands();

}  // namespace isotach::command
