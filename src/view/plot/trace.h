// From the points of a line to what is drawn of it: the part inside the time axis, thinned to what the
// picture can show, cut at a fixed value axis.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "view/plot/figure.h"
#include "view/plot/range.h"

namespace isotach::view {

// The points from `low_ns` to `high_ns`, with a point put on either edge where the line crosses it.
[[nodiscard]] std::vector<DataPoint> visible_points(std::span<const DataPoint> points, std::int64_t low_ns,
                                                    std::int64_t high_ns);

// The least and the greatest value; nothing when there are only gaps.
[[nodiscard]] std::optional<Range> extent_of(std::span<const DataPoint> points);

// At most six points for each of `columns` equal parts of the time axis: the first, the least, the
// greatest and the last of each part, and whether a gap begins or ends there. A drawing `columns`
// pixels wide looks the same, and no spike is lost.
[[nodiscard]] std::vector<DataPoint> decimate(std::span<const DataPoint> points, std::int64_t low_ns,
                                              std::int64_t high_ns, int columns);

struct Trace {
  std::vector<std::vector<DataPoint>> lines;  // without gaps, inside the value axis; one point: a dot
  std::vector<DataPoint> above, below;  // points outside the value axis, which a fixed one can leave out
};

[[nodiscard]] Trace trace_of(std::span<const DataPoint> points, std::int64_t low_ns, std::int64_t high_ns,
                             int columns, const Range& range);

}  // namespace isotach::view
