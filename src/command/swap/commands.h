// The commands `isotach swap ...`, in the order of --help.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> swap_commands();

// Each in its own file.
[[nodiscard]] CommandSpec swap_list_command();
[[nodiscard]] CommandSpec swap_top_command();
[[nodiscard]] CommandSpec swap_create_command();
[[nodiscard]] CommandSpec swap_on_command();
[[nodiscard]] CommandSpec swap_off_command();
[[nodiscard]] CommandSpec swap_remove_command();
[[nodiscard]] CommandSpec swap_drain_command();
[[nodiscard]] CommandSpec swap_demo_command();
[[nodiscard]] CommandSpec internal_fill_memory_command();  // hidden: the program of swap demo
[[nodiscard]] CommandSpec swap_advise_command();

}  // namespace isotach::command
