// Where the samples of `isotach vm` come from: this machine, a saved tree, a saved sequence of trees, or
// a recording. All hand out the same frames, so that the same code shows them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "command/context.h"
#include "command/replay.h"
#include "memory/vm/reading.h"

namespace isotach::command {

struct VmFrame {
  Instant time;
  memory::VmReading reading;
  std::uint64_t missed_deadlines = 0;  // since the start
};

class VmSource {
 public:
  virtual ~VmSource() = default;
  // Waits until the next sample is due and reads it. False at the end: the sequence is over, the user
  // interrupted, or the reader of our output has gone.
  [[nodiscard]] virtual Result<bool> next(VmFrame& frame) = 0;
  // The first frame is in the middle of a recording, so that it cannot give averages since boot.
  [[nodiscard]] virtual bool starts_in_the_middle() const { return false; }
};

struct VmSourceOptions {
  memory::VmMode mode = memory::VmMode::row;
  bool pressure = false;
  std::int64_t delay_ns = 0;
};

// `proc_root` is empty for this machine, else a saved tree. `on_resize` is called when the terminal's
// size has changed.
[[nodiscard]] std::unique_ptr<VmSource> make_live_source(Context& context, const VmSourceOptions& options,
                                                         const std::string& proc_root,
                                                         std::function<void()> on_resize);

// True where `folder` holds numbered trees.
[[nodiscard]] bool is_saved_sequence(const std::string& folder);
// Reads one tree a sample, without waiting. The time between two is the difference of their
// /proc/uptime, or the delay where that tells nothing.
[[nodiscard]] std::unique_ptr<VmSource> make_sequence_source(Context& context, const VmSourceOptions& options,
                                                             const std::string& folder);

[[nodiscard]] std::unique_ptr<VmSource> make_replay_source(const VmSourceOptions& options,
                                                           ReplaySource& source);

}  // namespace isotach::command
