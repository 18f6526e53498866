// The points of one line over a session of any length, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "view/plot/figure.h"

namespace isotach::view {

// When the limit is reached, every four points become their least and their greatest: older parts get
// coarser, but no spike is ever lost and no part is cut off.
class Track {
 public:
  static constexpr std::size_t kPointLimit = 65536;

  // `time_ns` must not be before the last point's; such a point is left out. Nothing is a gap.
  void append(std::int64_t time_ns, std::optional<double> value);

  [[nodiscard]] const std::vector<DataPoint>& points() const { return points_; }
  // Of all points ever appended.
  [[nodiscard]] const std::optional<LineSummary>& summary() const { return summary_; }
  // The newest value; nothing while there is none or it is missing.
  [[nodiscard]] std::optional<double> latest() const;
  [[nodiscard]] bool is_thinned() const { return thinned_; }

 private:
  void thin();

  std::vector<DataPoint> points_;
  std::optional<LineSummary> summary_;
  bool thinned_ = false;
};

}  // namespace isotach::view
