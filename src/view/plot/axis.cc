#include "view/plot/axis.h"

#include <cmath>
#include <limits>

#include "view/plot/ticks.h"

namespace isotach::view {
namespace {

constexpr double kLargest = std::numeric_limits<double>::max();

// The least width of an axis in base units when the data is all zero: something a person can read.
double smallest_span(Unit unit) {
  switch (unit) {
    case Unit::ratio:
      return 0.01;
    case Unit::bytes:
    case Unit::bytes_per_second:
      return 1024;
    case Unit::bits_per_second:
      return 1000;
    case Unit::seconds:
      return 1e-3;
    case Unit::count:
    case Unit::per_second:
      break;
  }
  return 1;
}

double finite(double value) {
  return std::clamp(value, -kLargest, kLargest);
}

}  // namespace

Range rounded_range(const Range& extent, Unit unit, bool with_zero) {
  double low = finite(extent.low);
  double high = finite(extent.high);
  const double magnitude = std::max(std::fabs(low), std::fabs(high));
  if (with_zero) {
    if (low > 0) low = 0;
    if (high < 0) high = 0;
  }
  // Differences of less than a two-hundredth of the value are noise to the eye: they must not fill
  // the whole height, and doubles must be able to tell the ticks apart.
  const double least = magnitude > 0 ? magnitude / 200 : smallest_span(unit);
  if (high * 0.5 - low * 0.5 < least * 0.5) {
    const double missing = least - (high - low);
    const bool on_zero = low >= 0 && low - missing / 2 < 0;
    low = on_zero ? 0 : low - missing / 2;
    high = on_zero ? least : high + missing / 2;
  }
  // Room above and below, so that the next small step of the data does not move the axis. Zero stays
  // the floor of what cannot be negative.
  const double room = (high * 0.5 - low * 0.5) * 0.08;
  const double low_with_room = low >= 0 ? std::max(0.0, low - room) : low - room;
  const double high_with_room = high <= 0 ? std::min(0.0, high + room) : high + room;
  const double step = tick_step(Range{finite(low_with_room), finite(high_with_room)}, unit, 8);
  double rounded_low = std::floor(low_with_room / step) * step;
  double rounded_high = std::ceil(high_with_room / step) * step;
  if (!std::isfinite(rounded_low) || rounded_low > low) rounded_low = low_with_room;
  if (!std::isfinite(rounded_high) || rounded_high < high) rounded_high = high_with_room;
  rounded_low = finite(rounded_low);
  rounded_high = finite(rounded_high);
  // The smallest denormal numbers have no room between them.
  if (!(rounded_low < rounded_high)) rounded_high = rounded_low + smallest_span(unit);
  return {std::min(rounded_low, extent.low), std::max(rounded_high, extent.high)};
}

bool ValueAxis::wants_zero(const Range& visible) {
  // Zero on the axis shows proportions, so it stays there as long as the data would not be flattened
  // by it. The two thresholds lie apart so that data near one does not switch back and forth.
  const double least = std::min(std::fabs(visible.low), std::fabs(visible.high));
  const double greatest = std::max(std::fabs(visible.low), std::fabs(visible.high));
  const double share = greatest > 0 ? least / greatest : 0;
  if (!has_data_) {
    with_zero_ = share < 0.5;
  } else if (share < 0.4) {
    with_zero_ = true;
  } else if (share > 0.6) {
    with_zero_ = false;
  }
  return with_zero_;
}

Range ValueAxis::update(std::optional<Range> visible, std::int64_t now_ns) {
  if (!visible) {
    // An empty window keeps its axis: there is nothing to follow.
    slack_since_ns_.reset();
    return range();
  }
  const bool first = !has_data_;
  const Range wanted = rounded_range(*visible, unit_, wants_zero(*visible));
  if (first) {
    has_data_ = true;
    shown_ = wanted;
    return range();
  }
  shrink(wanted, *visible, now_ns);
  // Growing comes last and has the last word.
  if (visible->low < shown_.low) {
    shown_.low = std::min(wanted.low, shown_.low);
    glide_.reset();
  }
  if (visible->high > shown_.high) {
    shown_.high = std::max(wanted.high, shown_.high);
    glide_.reset();
  }
  return range();
}

void ValueAxis::shrink(const Range& wanted, const Range& visible, std::int64_t now_ns) {
  if (glide_) {
    // Where the data now needs more than the glide would leave it, glide to that instead, from here;
    // never outwards, which is growing.
    const Range to{std::min(glide_->to.low, std::max(wanted.low, shown_.low)),
                   std::max(glide_->to.high, std::min(wanted.high, shown_.high))};
    if (!(to == glide_->to)) glide_ = Glide{shown_, to, now_ns};
    const double passed = static_cast<double>(std::max<std::int64_t>(0, now_ns - glide_->start_ns)) /
                          static_cast<double>(kGlideNs);
    if (passed >= 1) {
      shown_ = glide_->to;
      glide_.reset();
    } else {
      // Ease out: fast at first, then settling.
      const double rest = (1 - passed) * (1 - passed) * (1 - passed);
      const auto between = [rest](double start, double end) { return start * rest + end * (1 - rest); };
      shown_ = {between(glide_->from.low, glide_->to.low), between(glide_->from.high, glide_->to.high)};
    }
    shown_.low = std::min(shown_.low, visible.low);
    shown_.high = std::max(shown_.high, visible.high);
    slack_since_ns_.reset();
    return;
  }
  const bool slack = shown_.fraction(wanted.low) > kSlack || shown_.fraction(wanted.high) < 1 - kSlack;
  if (!slack) {
    slack_since_ns_.reset();
    return;
  }
  if (!slack_since_ns_) slack_since_ns_ = now_ns;
  if (now_ns - *slack_since_ns_ < kHoldNs) return;
  // Only inwards: growing is not done by gliding.
  const Range to{std::max(wanted.low, shown_.low), std::min(wanted.high, shown_.high)};
  glide_ = Glide{shown_, to, now_ns};
  slack_since_ns_.reset();
}

}  // namespace isotach::view
