// --pid and --cgroup: which processes a command looks at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/spec.h"
#include "kernel/system_root.h"

namespace isotach::command {

[[nodiscard]] std::vector<OptionSpec> process_selection_options();

// What --pid says, whether there are such processes or not.
[[nodiscard]] Result<std::vector<unsigned>> pids_of(const Arguments& arguments);

struct ProcessSelection {
  std::vector<unsigned> pids;  // in rising order
  bool all = false;            // neither option was given
};

// Fails when a named process does not exist, or no process is in the named group.
[[nodiscard]] Result<ProcessSelection> select_processes(const kernel::SystemRoot& root,
                                                        const Arguments& arguments);

// "1/16", "0.05", "5%": more than 0, at most 1.
[[nodiscard]] Result<double> parse_part(const std::string& text);

// Nothing could be read of any of the processes: why, and what works.
[[nodiscard]] Error unreadable_error(const ProcessSelection& selection);
// That some could not.
[[nodiscard]] std::string left_out_note(std::uint64_t processes);

}  // namespace isotach::command
