// What isotach inspect was asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/spec.h"
#include "instrument/filter.h"

namespace isotach::command {

struct InspectOptions {
  std::vector<std::string> command;
  std::string read_path;    // a recording instead of a program
  std::string output_path;  // where records or lines go; "-" for standard output, empty for nowhere
  bool lines = false;       // lines for people instead of records
  std::string report_path, svg_path;
  bool json = false;
  std::size_t top = 10;
  instrument::TraceChoice choice;
  std::uint64_t sample = 1;
  std::string start_routine, stop_routine;

  [[nodiscard]] bool summary_wanted() const { return output_path != "-" || json; }
};

[[nodiscard]] std::vector<OptionSpec> inspect_options();
[[nodiscard]] Result<InspectOptions> inspect_options_of(const Arguments& arguments);

}  // namespace isotach::command
