// The commands `isotach ksm ...`, in the order of --help.
#pragma once

#include <vector>

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> ksm_commands();

[[nodiscard]] CommandSpec ksm_status_command();  // isotach ksm
[[nodiscard]] CommandSpec ksm_top_command();
[[nodiscard]] CommandSpec ksm_set_command();
[[nodiscard]] CommandSpec ksm_reset_command();
[[nodiscard]] CommandSpec ksm_watch_command();
[[nodiscard]] CommandSpec ksm_demo_command();
[[nodiscard]] CommandSpec ksm_run_command();
[[nodiscard]] CommandSpec hold_pages_command();  // hidden: the program that ksm demo starts
[[nodiscard]] CommandSpec ksm_predict_command();

}  // namespace isotach::command
