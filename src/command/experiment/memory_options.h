// What the user asked of `isotach experiment memory`, checked before anything is started.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/common_options.h"
#include "command/spec.h"
#include "memory/experiment/lab.h"

namespace isotach::command {

struct LabChoice {
  int number = 0;
  memory::Language language = memory::Language::python;
};

struct MemoryExperimentOptions {
  std::vector<LabChoice> experiments;  // in the order in which they run; empty with a command
  std::vector<std::string> command;
  std::uint64_t size = 0;        // strings in a list
  std::int64_t delay_ns = 0;     // after each string
  std::int64_t interval_ns = 0;  // between samples
  bool python_gc = false;
  std::string report_path, svg_path, png_path, record_path;
  Format format = Format::table;
};

[[nodiscard]] std::vector<OptionSpec> memory_experiment_option_specs();
[[nodiscard]] Result<MemoryExperimentOptions> memory_experiment_options_of(const Arguments& arguments);

}  // namespace isotach::command
