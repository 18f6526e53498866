#include "view/plot/track.h"

#include <algorithm>

namespace isotach::view {

void Track::append(std::int64_t time_ns, std::optional<double> value) {
  if (!points_.empty() && time_ns < points_.back().time_ns) return;
  DataPoint point{time_ns};
  if (value) point.value = *value;
  if (points_.size() == kPointLimit) thin();
  points_.push_back(point);
  if (point.is_gap()) return;
  if (!summary_) summary_ = LineSummary{point.value, 0, point.value, point.value, 0};
  summary_->add(point.value);
}

std::optional<double> Track::latest() const {
  if (points_.empty() || points_.back().is_gap()) return std::nullopt;
  return points_.back().value;
}

void Track::thin() {
  std::vector<DataPoint> kept;
  kept.reserve(kPointLimit);
  // The first point stays for ever: the line keeps its start.
  kept.push_back(points_.front());
  for (std::size_t start = 1; start < points_.size(); start += 4) {
    const std::size_t end = std::min(start + 4, points_.size());
    const DataPoint *least = nullptr, *greatest = nullptr, *gap = nullptr;
    for (std::size_t i = start; i < end; ++i) {
      const DataPoint& point = points_[i];
      if (point.is_gap()) {
        if (gap == nullptr) gap = &point;
        continue;
      }
      if (least == nullptr || point.value < least->value) least = &point;
      if (greatest == nullptr || point.value > greatest->value) greatest = &point;
    }
    const DataPoint* chosen[] = {least, greatest, gap};
    std::sort(std::begin(chosen), std::end(chosen));  // the points stand in order of time
    const DataPoint* before = nullptr;
    for (const DataPoint* point : chosen) {
      if (point != nullptr && point != before) kept.push_back(*point);
      before = point;
    }
  }
  points_ = std::move(kept);
  thinned_ = true;
}

}  // namespace isotach::view
