// What was measured at one moment. Values are raw, as the kernel said them; scaling and
// subtracting happen when they are shown (record/derive.h), so that a better formula serves old
// recordings too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/value.h"

namespace isotach::record {

using SeriesId = std::uint32_t;

struct Point {
  SeriesId series = 0;
  Value value;
};

// All points of one moment, in ascending order of their series. A series that is absent from a
// sample did not exist then.
struct Sample {
  Instant time;
  std::vector<Point> points;

  // Restores the order after points were appended; of several points of one series (a file that lists
  // a device twice) the first stays. Cheap when they are in order already.
  void sort();

  [[nodiscard]] const Value* find(SeriesId series) const;  // nullptr when absent
};

enum class EventKind : std::uint8_t { start, peak, end, mark, warning };
[[nodiscard]] std::string_view event_kind_name(EventKind kind);
[[nodiscard]] EventKind event_kind_from_name(std::string_view name);

// Something that happened at a moment and belongs on a plot: a process started, a user's mark.
struct Event {
  Instant time;
  EventKind kind = EventKind::mark;
  std::string text;
};

}  // namespace isotach::record
