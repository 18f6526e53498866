// isotach ksm predict: what is read from the command line, what is shown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/value.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/process_selection.h"
#include "command/spec.h"
#include "memory/ksm/merge_time.h"
#include "memory/ksm/prediction.h"

namespace isotach::command {

struct PredictOptions {
  Format format = Format::table;
  memory::MergeScanOptions scan;
  std::optional<std::int64_t> settle_ns;
  memory::MergeWhatIf what_if;
  memory::MergeSettings settings;  // of the kernel, unless given
  bool settings_given = false;
  std::size_t rows = 10;  // of processes, of groups; 0: all
};

// What the kernel has now; missing where there is no KSM.
struct PredictKernel {
  Value run;
  Value pages_to_scan;
  Value sleep_milliseconds;
  Value max_page_sharing;
  Value use_zero_pages;
  Value pages_sharing;
};
[[nodiscard]] PredictKernel read_predict_kernel();

[[nodiscard]] std::vector<OptionSpec> predict_options();
[[nodiscard]] Result<PredictOptions> predict_options_of(const Arguments& arguments,
                                                        const PredictKernel& kernel);

struct PredictOutcome {
  memory::Prediction prediction;
  bool cut_short = false;
  std::int64_t scan_wall_ns = 0;
  std::int64_t scan_cpu_ns = 0;
  Value peak_memory_kib;   // of this process
  memory::MergeTime time;  // with the settings of the options
  memory::MergeSettings recommended;
  memory::MergeTime recommended_time;
};

// `columns` wide.
[[nodiscard]] std::string predict_text(const PredictOutcome& outcome, const PredictOptions& options,
                                       const PredictKernel& kernel, int columns);
[[nodiscard]] std::string predict_json(const PredictOutcome& outcome, const PredictOptions& options,
                                       const PredictKernel& kernel);
// One row a process.
[[nodiscard]] std::string predict_csv(const PredictOutcome& outcome);

}  // namespace isotach::command
