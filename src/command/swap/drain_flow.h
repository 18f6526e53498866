// Switching off swap areas without harm: what swap drain, swap off and swap remove share.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/context.h"
#include "command/spec.h"
#include "command/swap/state.h"
#include "kernel/change/transaction.h"
#include "kernel/memory_hierarchy.h"
#include "memory/swap/drain_plan.h"

namespace isotach::command {

struct DrainOptions {
  std::optional<std::uint64_t> reserve_bytes;  // nothing: memory::default_reserve()
  unsigned max_pressure_percent = 10;          // of 2 s in which some task waited for memory
};
[[nodiscard]] std::vector<OptionSpec> drain_options();
[[nodiscard]] Result<DrainOptions> drain_options_of(const Arguments& arguments);

// A plan with all that it was made from.
struct MadePlan {
  memory::DrainInput input;
  memory::DrainPlan plan;
  std::optional<kernel::MemoryHierarchy> hierarchy;
  bool measured = false;  // the rate was measured, not assumed
};
// Reads the machine and plans to drain the areas in `chosen`, paths of /proc/swaps. Brings some MiB
// back to measure how fast that is.
[[nodiscard]] Result<MadePlan> make_drain_plan(const SwapState& state, const std::set<std::string>& chosen,
                                               const DrainOptions& options);

// Why it would do harm, with what to type; nothing when it would not.
[[nodiscard]] std::optional<Error> why_not_drain(const MadePlan& made);

// Prints the plan for people.
void print_drain_plan(Context& context, const MadePlan& made);

// What became of one area.
struct Drained {
  std::uint64_t bytes = 0;
  std::int64_t took_ns = 0;
};
// Brings back what is in the area, then switches it off, as one change of the transaction. Shows progress on
// a terminal. Stops when memory becomes scarce, and on Ctrl-C (an error with ECANCELED); the area is then on
// as it was.
[[nodiscard]] Result<Drained> switch_area_off(Context& context, kernel::Transaction& transaction,
                                              const memory::DrainArea& area, std::uint64_t reserve_bytes,
                                              const DrainOptions& options);

}  // namespace isotach::command
