#include "view/plot/figure.h"

#include <algorithm>

namespace isotach::view {

void LineSummary::add(double value) {
  minimum = std::min(minimum, value);
  maximum = std::max(maximum, value);
  last = value;
  ++count;
  // A running mean, because the sum of the largest doubles is no number.
  const auto parts = static_cast<double>(count);
  mean += value / parts - mean / parts;
}

std::optional<LineSummary> summarize(std::span<const DataPoint> points) {
  std::optional<LineSummary> summary;
  for (const DataPoint& point : points) {
    if (point.is_gap()) continue;
    if (!summary) summary = LineSummary{point.value, 0, point.value, point.value, 0};
    summary->add(point.value);
  }
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

std::string latest_text(const Line& line, Unit unit) {
  if (line.latest) return format_quantity(*line.latest, unit);
  const bool any = std::any_of(line.points.begin(), line.points.end(),
                               [](const DataPoint& point) { return !point.is_gap(); });
  return any ? "-" : "no data";
}

char line_letter(std::size_t index) {
  if (index < 26) return static_cast<char>('A' + index);
  if (index < 52) return static_cast<char>('a' + (index - 26));
  return '+';
}

}  // namespace isotach::view
