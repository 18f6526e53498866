// What isotach inspect shows of a recording: a summary as text, as JSON and as a page.
#pragma once

#include <optional>
#include <string>

#include "command/inspect/options.h"
#include "instrument/summary.h"

namespace isotach::command {

struct InspectOutcome {
  std::string end_text;      // how the program ended; empty for a recording
  int signal = 0;            // that ended it; 0: none, or not known
  std::string damage;        // what was wrong with the recording; empty: nothing
  std::int64_t wall_ns = 0;  // how long it ran
  std::uint64_t records_bytes = 0;
};

[[nodiscard]] std::string inspect_text(const instrument::TraceProgram& program,
                                       const instrument::TraceSummary& summary, const InspectOutcome& outcome,
                                       const InspectOptions& options, int columns);
[[nodiscard]] std::string inspect_json(const instrument::TraceProgram& program,
                                       const instrument::TraceSummary& summary, const InspectOutcome& outcome,
                                       const InspectOptions& options);
[[nodiscard]] std::string inspect_report(const instrument::TraceProgram& program,
                                         const instrument::TraceSummary& summary,
                                         const InspectOutcome& outcome, const InspectOptions& options);

// The map of the accesses over address and time as an SVG file.
[[nodiscard]] std::string inspect_map_svg(const instrument::TraceProgram& program,
                                          const instrument::TraceSummary& summary);

// "ls -l", printable.
[[nodiscard]] std::string command_text(const instrument::TraceProgram& program);
// "1,234,567"
[[nodiscard]] std::string grouped(std::uint64_t number);

}  // namespace isotach::command
