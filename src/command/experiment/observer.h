// Starts a program, samples its memory to its end, and hears what it says of itself.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "command/context.h"
#include "kernel/child.h"
#include "memory/experiment/run.h"
#include "memory/process/metrics.h"
#include "record/recorder.h"

namespace isotach::command {

struct ObserveOptions {
  std::vector<std::string> words;  // the program and its arguments
  std::int64_t interval_ns = 10'000'000;
  bool python_hook = false;  // ask it for facts, if it is Python
  int output_fd = -1;        // its standard output; -1: ours
  // For the recording; nullptr: none.
  record::Recorder* recorder = nullptr;
  memory::ProcessSeries* series = nullptr;
  // After each sample, for progress.
  std::function<void(const memory::MemorySample&, std::int64_t elapsed_ns)> on_sample;
};

struct Observed {
  memory::MemoryRun run;
  std::optional<kernel::ChildEnd> end;
  Instant start;
  std::uint64_t missed_samples = 0;
  bool interrupted = false;
};

// Fails when the program cannot be started, or when /proc cannot be read. After an interruption it holds what
// was seen until then.
[[nodiscard]] Result<Observed> observe(Context& context, const ObserveOptions& options);

}  // namespace isotach::command
