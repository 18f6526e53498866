// The page about memory experiments: answers first, then the curves side by side, then each in detail.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "command/experiment/figures.h"
#include "memory/experiment/lab.h"
#include "view/report/report.h"

namespace isotach::command {

struct ReportHead {
  std::string title;
  std::string subtitle;
  std::vector<std::pair<std::string, std::string>> facts;
};

// `lab` has the same runs in the same order as `runs`.
[[nodiscard]] view::Report lab_report(const ReportHead& head, const std::vector<JudgedRun>& runs,
                                      const std::vector<memory::LabRun>& lab);
[[nodiscard]] view::Report command_report(const ReportHead& head, const JudgedRun& run);

// "peak 96.1 MiB", "resident at the end 14 MiB", ...: names and values of what was measured.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> measured_rows(const JudgedRun& run);

}  // namespace isotach::command
