// isotach vm --pid P and isotach vm -- COMMAND: rows of processes instead of the machine.
#pragma once

#include <string>
#include <vector>

#include "command/context.h"
#include "command/replay.h"
#include "command/spec.h"

namespace isotach::command {

// Whether the arguments of vm ask for processes.
[[nodiscard]] bool wants_vm_process(const Arguments& arguments);

// --pid, --children, --pss-interval, --output: what vm takes only for processes.
[[nodiscard]] std::vector<OptionSpec> vm_process_options();
// What they do, as paragraphs for the description of vm.
[[nodiscard]] std::string vm_process_description();
// --explain for a column of processes.
[[nodiscard]] bool is_process_column(const std::string& word);
int explain_process_column(Context& context, const std::string& word);

int run_vm_process(Context& context, const Arguments& arguments);
// Shows a recording that run_vm_process made.
int replay_vm_process(Context& context, const Arguments& arguments, ReplaySource& source);

}  // namespace isotach::command
