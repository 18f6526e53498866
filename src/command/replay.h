// How a replay drives the views of the commands that recorded.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "command/context.h"
#include "command/spec.h"
#include "record/recording.h"

namespace isotach::command {

// Hands out recorded samples at the speed of the replay.
class ReplaySource {
 public:
  virtual ~ReplaySource() = default;
  [[nodiscard]] virtual record::Recording& recording() = 0;
  // Waits until the next sample is due (not at all at the highest speed), then gives it; false at the
  // end, at --to, or when the user interrupts.
  [[nodiscard]] virtual Result<bool> next(record::Sample& sample) = 0;
  // For interactive views, which seek in the recording themselves: 1 is real time, 0 means without
  // waiting; samples after `to_ns` (monotonic) are not asked for.
  [[nodiscard]] virtual double speed() const = 0;
  [[nodiscard]] virtual std::int64_t to_ns() const = 0;
};

// Each view shows the samples on context.out (or the terminal) exactly as the live command does, and
// returns the exit code. `arguments` are those of the command that recorded, with the format options
// of the replay put in.
int replay_vm(Context& context, const Arguments& arguments, ReplaySource& source);
int replay_overview(Context& context, const Arguments& arguments, ReplaySource& source);
int replay_traffic(Context& context, const Arguments& arguments, ReplaySource& source);

}  // namespace isotach::command
