// What came of a lab, as a page to hand in and as a document for scripts.
#pragma once

#include <string>
#include <vector>

#include "command/lab/lab_file.h"
#include "command/lab/runner.h"

namespace isotach::command {

struct LabOutcome {
  const Lab& lab;
  std::vector<StepResult> results;  // one a step, in order
  std::string where;                // "Linux 6.18 on host, 2026-11-30 00:12"

  [[nodiscard]] std::size_t passed() const;
};

[[nodiscard]] std::string lab_page(const LabOutcome& outcome);
[[nodiscard]] std::string lab_json(const LabOutcome& outcome);

}  // namespace isotach::command
