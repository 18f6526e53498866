#include "view/plot/figure.h"

#include <algorithm>

namespace isotach::view {

std::optional<LineSummary> summarize(std::span<const DataPoint> points) {
  LineSummary summary;
  for (const DataPoint& point : points) {
    if (point.is_gap()) continue;
    if (summary.count == 0) summary.minimum = summary.maximum = point.value;
    summary.minimum = std::min(summary.minimum, point.value);
    summary.maximum = std::max(summary.maximum, point.value);
    summary.last = point.value;
    ++summary.count;
    // A running mean, because the sum of the largest doubles is no number.
    const auto count = static_cast<double>(summary.count);
    summary.mean += point.value / count - summary.mean / count;
  }
  if (summary.count == 0) return std::nullopt;
  return summary;
}

std::string value_title(Unit unit) {
  switch (unit) {
    case Unit::bytes:
      return "amount";
    case Unit::seconds:
      return "time";
    case Unit::ratio:
      return "share";
    case Unit::bytes_per_second:
    case Unit::bits_per_second:
    case Unit::per_second:
      return "rate";
    case Unit::count:
      break;
  }
  return "count";
}

char line_letter(std::size_t index) {
  if (index < 26) return static_cast<char>('A' + index);
  if (index < 52) return static_cast<char>('a' + (index - 26));
  return '+';
}

}  // namespace isotach::view
