// Runs a program under the engine with the tool that records, and hands on what it records as it comes.
#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "command/context.h"
#include "command/inspect/options.h"
#include "kernel/child.h"

namespace isotach::command {

struct ProgramEnd {
  kernel::ChildEnd end;
  bool interrupted = false;
  bool recorded = false;  // the tool has written something
};

// Takes the next bytes; false: no more are wanted, and the program is ended.
using TakeBytes = std::function<bool(std::string_view)>;

// The program has our standard input, output and error; `output_to_error`: its output goes to our standard
// error, because ours is for machines.
[[nodiscard]] Result<ProgramEnd> run_recorded(Context& context, const InspectOptions& options,
                                              bool output_to_error, const TakeBytes& take);

}  // namespace isotach::command
