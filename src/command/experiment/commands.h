// The commands `isotach experiment ...`, in the order of --help.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> experiment_commands();

[[nodiscard]] CommandSpec experiment_command();         // "experiment": what there is
[[nodiscard]] CommandSpec experiment_memory_command();  // "experiment memory"
[[nodiscard]] CommandSpec lab_program_command();        // hidden: an experiment itself, in C++

}  // namespace isotach::command
