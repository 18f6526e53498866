// The times that --from and --to take: an offset from the start or the end of a recording, or the
// wall clock.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace isotach::command {

struct ReplayTime {
  enum class Origin {
    start,        // ns after the first sample: "90s"
    end,          // ns before the last sample: "-10s"
    wall,         // ns since 1970: "2026-11-23 01:29:23" or "2026-11-23T01:29:23Z"
    time_of_day,  // ns since midnight: "01:29"
  };
  Origin origin = Origin::start;
  std::int64_t offset_ns = 0;
};

[[nodiscard]] Result<ReplayTime> parse_replay_time(const std::string& text, const std::string& option);

// The first moment at or after `start_wall_ns` at which local clocks show this time of day.
[[nodiscard]] std::int64_t next_time_of_day(std::int64_t start_wall_ns, std::int64_t offset_ns);

}  // namespace isotach::command
