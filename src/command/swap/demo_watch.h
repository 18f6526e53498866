// Watches a demonstration of swapping: samples the machine and the two programs while they run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "command/context.h"
#include "kernel/child.h"
#include "kernel/meminfo.h"
#include "kernel/vm_counters.h"
#include "memory/swap/demo_story.h"
#include "memory/swap/responsiveness.h"

namespace isotach::command {

struct DemoPlan {
  std::uint64_t bytes = 0;        // that the program takes
  std::uint64_t limit_bytes = 0;  // that it may hold in memory
  std::uint64_t idle_bytes = 0;   // of the program that does nothing
  std::int64_t fill_ns = 0, rest_ns = 0;
  std::string group_folder;  // empty: no control group, madvise() instead
};

struct DemoRecord {
  Instant origin;
  std::vector<memory::DemoSample> samples;
  memory::DemoMarks marks;
  memory::ResponsivenessProbe::Result responsiveness;
  std::optional<kernel::ChildEnd> end;  // of the program
  bool interrupted = false;
};

// Runs both programs and watches until a moment after the larger one has ended.
[[nodiscard]] Result<DemoRecord> watch_demo(Context& context, const DemoPlan& plan);

}  // namespace isotach::command
