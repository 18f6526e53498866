// What `isotach experiment memory` prints: for people, as JSON, as CSV.
#pragma once

#include <string>
#include <vector>

#include "command/context.h"
#include "command/experiment/figures.h"
#include "memory/experiment/lab.h"

namespace isotach::command {

void print_lab(Context& context, const std::vector<JudgedRun>& runs, const std::vector<memory::LabRun>& lab);
void print_command(Context& context, const JudgedRun& run);

// One document; `lab` is empty for a command.
[[nodiscard]] std::string memory_json(const std::vector<JudgedRun>& runs,
                                      const std::vector<memory::LabRun>& lab, bool interrupted);
// A row for each sample.
[[nodiscard]] std::string memory_csv(const std::vector<JudgedRun>& runs);

}  // namespace isotach::command
