// Plays a recording: the part that was asked for, at the speed that was asked for.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "command/context.h"
#include "command/replay.h"
#include "record/recording.h"

namespace isotach::command {

struct ReplayRange {
  // Monotonic; both included.
  std::int64_t from_ns = std::numeric_limits<std::int64_t>::min();
  std::int64_t to_ns = std::numeric_limits<std::int64_t>::max();
};

class ReplayPlayer final : public ReplaySource {
 public:
  // `speed`: 2 is twice as fast as it was, 0 does not wait.
  ReplayPlayer(Context& context, record::Recording& recording, ReplayRange range, double speed)
      : context_(context), recording_(recording), range_(range), speed_(speed) {}

  [[nodiscard]] record::Recording& recording() override { return recording_; }
  // Passes over damaged blocks; they are told by tell_damage().
  [[nodiscard]] Result<bool> next(record::Sample& sample) override;
  [[nodiscard]] double speed() const override { return speed_; }
  [[nodiscard]] std::int64_t to_ns() const override { return range_.to_ns; }

  // Says on err what could not be read, once a view has ended. False when there was anything.
  bool tell_damage();

 private:
  [[nodiscard]] bool wait_for(std::int64_t sample_ns);

  Context& context_;
  record::Recording& recording_;
  const ReplayRange range_;
  const double speed_;
  bool started_ = false;
  std::optional<std::int64_t> first_sample_ns_;
  std::int64_t first_shown_ns_ = 0;
  std::vector<std::string> damage_;
  std::uint64_t damage_count_ = 0;
};

}  // namespace isotach::command
