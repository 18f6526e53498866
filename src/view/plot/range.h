// A span of numbers on an axis, safe for every finite double.
#pragma once

#include <algorithm>
#include <optional>

namespace isotach::view {

struct Range {
  double low = 0;
  double high = 1;

  [[nodiscard]] bool contains(double value) const { return value >= low && value <= high; }
  [[nodiscard]] bool contains(const Range& other) const {
    return contains(other.low) && contains(other.high);
  }

  // Where `value` stands: 0 at low, 1 at high. Halved first, because high - low of the largest
  // doubles would overflow.
  [[nodiscard]] double fraction(double value) const {
    const double span = high * 0.5 - low * 0.5;
    if (!(span > 0)) return 0.5;
    return (value * 0.5 - low * 0.5) / span;
  }

  friend bool operator==(const Range&, const Range&) = default;
};

// Grows `extent` to hold `value`.
inline void include(std::optional<Range>& extent, double value) {
  if (!extent) {
    extent = Range{value, value};
    return;
  }
  extent->low = std::min(extent->low, value);
  extent->high = std::max(extent->high, value);
}

}  // namespace isotach::view
