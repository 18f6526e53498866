// The curves of memory experiments as figures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "memory/experiment/phases.h"
#include "memory/experiment/run.h"
#include "memory/experiment/verdict.h"
#include "view/plot/figure.h"

namespace isotach::command {

// One program that was run and judged.
struct JudgedRun {
  std::string name;       // "Python 3 dropped", or the command
  std::string title;      // "Experiment 3 in Python: both, results dropped", or the command
  std::string file_name;  // "python-3-dropped": for pictures of several
  memory::MemoryRun run;
  memory::MemoryVerdict judged;
  std::vector<memory::Phase> phases;
  std::string start_text;  // "2026-11-23 14:03:05": when it began
  std::string end_text;    // "exit code 0"
};

// Axes that several figures share, so that they can be compared.
struct SharedAxes {
  std::int64_t length_ns = 0;
  double peak_bytes = 0;
};
[[nodiscard]] SharedAxes shared_axes_of(const std::vector<JudgedRun>& runs);

// Resident memory, with phases as bands and start, peak and end as events.
[[nodiscard]] view::Figure simple_figure(const JudgedRun& run, const SharedAxes& axes);
// The same with heap and swap where they tell something, and the rate of minor faults below.
[[nodiscard]] view::Figure detailed_figure(const JudgedRun& run);
// All runs in one picture, each from its own start.
[[nodiscard]] view::Figure overlaid_figure(const std::vector<JudgedRun>& runs);

}  // namespace isotach::command
