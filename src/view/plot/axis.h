// The value axis of a live plot: it follows the data that is visible.
//
// It grows at once when data leaves it, so that no point is ever clipped. It shrinks only when the
// data has left a good part of it unused for a while, and then glides: a spike that leaves the
// window must not make the picture jump, and data that moves up and down near a bound must not make
// the axis move with it. All of this depends on the time that passes, never on the number of frames.
//
// Pure: time is a parameter.
#pragma once

#include <cstdint>
#include <optional>

#include "base/units.h"
#include "view/plot/range.h"

namespace isotach::view {

// A range with round bounds that holds `extent` and a little room around it. `with_zero` starts it at
// zero (or ends it there, for negative data). Always of a width above 0 and finite.
[[nodiscard]] Range rounded_range(const Range& extent, Unit unit, bool with_zero);

class ValueAxis {
 public:
  // How long the axis must have been too wide before it shrinks, and how long the glide takes.
  static constexpr std::int64_t kHoldNs = 1'000'000'000;
  static constexpr std::int64_t kGlideNs = 600'000'000;
  // Shrinks when one end could move by more than this share of the axis.
  static constexpr double kSlack = 0.2;

  explicit ValueAxis(Unit unit) : unit_(unit) {}

  // The range for this moment. `visible` are the least and the greatest visible value, nothing when
  // none is visible. `now_ns` must not go backwards; if it does, nothing moves.
  Range update(std::optional<Range> visible, std::int64_t now_ns);
  [[nodiscard]] const Range& range() const { return fixed_ ? *fixed_ : shown_; }

  // Holds the axis at this range, whatever the data does; nothing lets it follow the data again.
  void fix(std::optional<Range> range) { fixed_ = range; }
  [[nodiscard]] bool is_fixed() const { return fixed_.has_value(); }
  // Whether the range may change with time alone: a live view should then draw more frames than there
  // are samples.
  [[nodiscard]] bool is_moving() const { return !fixed_ && (glide_ || slack_since_ns_); }

 private:
  void shrink(const Range& wanted, const Range& visible, std::int64_t now_ns);
  [[nodiscard]] bool wants_zero(const Range& visible);

  Unit unit_;
  std::optional<Range> fixed_;
  Range shown_;
  bool has_data_ = false;
  bool with_zero_ = true;
  std::optional<std::int64_t> slack_since_ns_;  // since when the axis has been too wide
  struct Glide {
    Range from, to;
    std::int64_t start_ns;
  };
  std::optional<Glide> glide_;
};

}  // namespace isotach::view
