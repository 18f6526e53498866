// Where an axis is labelled and how: round numbers in the unit's own steps.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "view/plot/range.h"

namespace isotach::view {

struct Tick {
  double position = 0;  // in the axis' base unit; ns for time
  std::string label;    // "1.5 GiB", "1:30"
};

// The smallest round step that leaves at most `limit` steps in `range`: 1, 2, 5 times a power of ten;
// for bytes a power of two, or 1, 2, 5 parts of the unit when the range is narrower than one unit;
// for seconds from a minute on, what clocks show. Above 0 and finite.
[[nodiscard]] double tick_step(const Range& range, Unit unit, int limit);

// Ticks of a value axis, lowest first, at most `limit`. Labels all have the same scale.
[[nodiscard]] std::vector<Tick> value_ticks(const Range& range, Unit unit, int limit);

// How much room a label takes along the time axis, in the same measure as `axis_length`.
using LabelLength = std::function<double(std::string_view)>;

// Ticks of a time axis from `low_ns` to `high_ns`, with labels that do not come closer than `gap`
// to each other. Elapsed time: "0 s", "30 s", "1:30", "2:00:00", "1 d 06:00".
[[nodiscard]] std::vector<Tick> elapsed_ticks(std::int64_t low_ns, std::int64_t high_ns, double axis_length,
                                              const LabelLength& length, double gap);
// The same for the time of day: positions as above, and `midnight_ns` is any local midnight on that
// scale. "14:03:30", "14:03".
[[nodiscard]] std::vector<Tick> clock_ticks(std::int64_t low_ns, std::int64_t high_ns,
                                            std::int64_t midnight_ns, double axis_length,
                                            const LabelLength& length, double gap);

// "1:30", "0.25 s": a time of the axis as its ticks show it, for a step of `step_ns`.
[[nodiscard]] std::string elapsed_label(std::int64_t time_ns, std::int64_t step_ns);

}  // namespace isotach::view
