// How sure a mean is: Student's confidence intervals of repeated runs and of the intervals of one run. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace isotach::nettest {

// What a mean shall be known to: netperf's -I 99,5 is a level of 0.99 and a width of 5 %, which is 2.5 % to
// each side.
struct ConfidenceGoal {
  double level = 0.99;        // 0..1
  double half_width = 0.025;  // of the mean
  std::size_t least_runs = 3;
  std::size_t most_runs = 30;
};

struct MeanEstimate {
  double mean = 0;
  double half_width =
      0;  // in the unit of the mean; the true one lies within with the level that was asked for
  [[nodiscard]] double relative() const { return mean > 0 ? half_width / mean : 0; }
};

// What several runs of one test came to.
struct ConfidenceReport {
  ConfidenceGoal goal;
  std::vector<double> runs;  // bits or transactions per second
  MeanEstimate result;
  // Processor time of each end, in percent of one, when it is known.
  std::optional<MeanEstimate> local_cpu;
  std::optional<MeanEstimate> remote_cpu;
  bool reached = false;
};

// What one run came to, from its intervals.
struct WithinRun {
  double level = 0.99;
  MeanEstimate estimate;
  bool reached = false;
};

// The t that a variable of Student's distribution stays below in absolute value with probability `level`.
[[nodiscard]] double student_t(double level, std::size_t degrees_of_freedom);

// Of independent runs. Nothing for fewer than two.
[[nodiscard]] std::optional<MeanEstimate> estimate_runs(const std::vector<double>& values, double level);
// Of values that follow each other in time and may resemble their neighbours, which makes the mean less sure
// than their spread says (Newey and West, 1987). Nothing for fewer than eight.
[[nodiscard]] std::optional<MeanEstimate> estimate_sequence(const std::vector<double>& values, double level);

}  // namespace isotach::nettest
