#include "view/plot/ticks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "base/clock.h"

namespace isotach::view {
namespace {

constexpr std::int64_t kSecondNs = kNanosecondsPerSecond;
constexpr std::int64_t kMinuteNs = 60 * kSecondNs;
constexpr std::int64_t kHourNs = 60 * kMinuteNs;
constexpr std::int64_t kDayNs = 24 * kHourNs;

// What clocks and calendars are divided into, from one second up.
constexpr std::array<std::int64_t, 23> kClockStepsNs = {
    kSecondNs,  2 * kSecondNs, 5 * kSecondNs, 10 * kSecondNs, 15 * kSecondNs, 30 * kSecondNs,
    kMinuteNs,  2 * kMinuteNs, 5 * kMinuteNs, 10 * kMinuteNs, 15 * kMinuteNs, 30 * kMinuteNs,
    kHourNs,    2 * kHourNs,   3 * kHourNs,   6 * kHourNs,    12 * kHourNs,   kDayNs,
    2 * kDayNs, 7 * kDayNs,    14 * kDayNs,   28 * kDayNs,    91 * kDayNs};

// The smallest 1, 2 or 5 times a power of ten that is at least `least`.
double decimal_step(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  if (!(power > 0)) return least;
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

bool is_binary(Unit unit) {
  return unit == Unit::bytes || unit == Unit::bytes_per_second;
}

// The scale that all labels of an axis share.
UnitScale axis_scale(const Range& range, Unit unit) {
  return scale_for(std::max(std::fabs(range.low), std::fabs(range.high)), unit);
}

double rough_step(const Range& range, int limit) {
  const double rough = (range.high * 0.5 - range.low * 0.5) / (0.5 * std::max(1, limit));
  // Denormal or absurd: any positive number will do, the caller checks the result.
  if (!(rough > std::numeric_limits<double>::min())) return std::numeric_limits<double>::min();
  return std::min(rough, std::numeric_limits<double>::max() / 16);
}

// Digits after the point that tell multiples of `step` apart.
int decimals_for(double step) {
  if (!(step > 0)) return 0;
  for (int digits = 0; digits < 15; ++digits) {
    const double scaled = step * std::pow(10.0, digits);
    if (scaled >= 0.999 && std::fabs(scaled - std::round(scaled)) < 1e-6 * scaled) return digits;
  }
  return 15;
}

// `number` so that it differs from those `step` beside it on an axis that ends at `magnitude`.
std::string number_text(double number, double step, double magnitude) {
  const int decimals = decimals_for(step);
  if (magnitude >= 1e7 || decimals > 8) {
    // The ratio of a huge magnitude to a tiny step may be no number: then every digit is shown.
    const double steps_log10 = std::log10(magnitude / step);
    const int digits =
        std::isfinite(steps_log10) ? static_cast<int>(std::clamp(std::ceil(steps_log10) + 1, 1.0, 17.0)) : 17;
    // A sum of steps that is zero but for rounding is zero.
    return fmt::format("{:.{}g}", std::fabs(number) < step / 2 ? 0.0 : number, digits);
  }
  std::string text = fmt::format("{:.{}f}", number, decimals);
  return text.find_first_not_of("-0.") == std::string::npos ? "0" : text;
}

std::string two_digits(std::int64_t number) {
  return fmt::format("{:02}", number);
}

// The fraction of a second with as many digits as `step_ns` needs; "" for whole seconds.
std::string fraction_text(std::int64_t rest_ns, std::int64_t step_ns) {
  if (step_ns >= kSecondNs || step_ns <= 0) return {};
  std::string digits = fmt::format("{:09}", rest_ns);
  std::size_t keep = 9;
  for (std::int64_t unit_ns = 1; keep > 0 && step_ns % (unit_ns * 10) == 0; unit_ns *= 10) --keep;
  digits.resize(keep);
  return digits.empty() ? digits : '.' + digits;
}

std::int64_t next_step_ns(std::int64_t step_ns) {
  if (step_ns < kSecondNs) {
    std::int64_t power = 1;
    while (power * 10 <= step_ns) power *= 10;
    return step_ns < 2 * power ? 2 * power : step_ns < 5 * power ? 5 * power : 10 * power;
  }
  for (const std::int64_t known : kClockStepsNs)
    if (known > step_ns) return known;
  return step_ns * 2;
}

std::int64_t floor_multiple(std::int64_t value, std::int64_t step) {
  const std::int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

using LabelText = std::function<std::string(std::int64_t time_ns, std::int64_t step_ns)>;

std::vector<Tick> time_ticks(std::int64_t low_ns, std::int64_t high_ns, std::int64_t origin_ns,
                             double axis_length, const LabelLength& length, double gap,
                             const LabelText& text) {
  if (high_ns <= low_ns || !(axis_length > 0)) return {};
  const double span = static_cast<double>(high_ns) - static_cast<double>(low_ns);
  // No step gives more ticks than this; it bounds the work for long axes.
  constexpr double kMostTicks = 60;
  std::int64_t step_ns = 1;
  while (static_cast<double>(step_ns) * kMostTicks < span &&
         step_ns < std::numeric_limits<std::int64_t>::max() / 4)
    step_ns = next_step_ns(step_ns);
  for (;; step_ns = next_step_ns(step_ns)) {
    std::vector<Tick> ticks;
    double label_end = 0;
    bool collides = false;
    for (std::int64_t at = floor_multiple(low_ns - origin_ns, step_ns) + origin_ns; at <= high_ns;
         at += step_ns) {
      if (at < low_ns) continue;
      Tick tick{static_cast<double>(at), text(at - origin_ns, step_ns)};
      const double centre = (static_cast<double>(at) - static_cast<double>(low_ns)) / span * axis_length;
      const double half = length(tick.label) / 2;
      if (!ticks.empty() && centre - half < label_end + gap) collides = true;
      label_end = centre + half;
      ticks.push_back(std::move(tick));
    }
    if (!collides || step_ns > std::numeric_limits<std::int64_t>::max() / 4) return ticks;
  }
}

}  // namespace

namespace {

double unchecked_step(const Range& range, Unit unit, int limit) {
  const double rough = rough_step(range, limit);
  const double divisor = axis_scale(range, unit).divisor;
  if (unit == Unit::seconds && rough >= 1) {
    for (const std::int64_t known : kClockStepsNs)
      if (static_cast<double>(known) / 1e9 >= rough) return static_cast<double>(known) / 1e9;
    return decimal_step(rough / 86400) * 86400;
  }
  if (is_binary(unit)) {
    if (rough <= divisor * 0.5) {
      // Narrower than the unit; whole smaller units would need a label for each digit of theirs. A
      // byte is not divided unless the range is narrower than that.
      if (divisor > 1 || rough <= 0.5) return decimal_step(rough / divisor) * divisor;
    }
    return std::exp2(std::ceil(std::log2(rough) - 1e-9));
  }
  return decimal_step(rough / divisor) * divisor;
}

}  // namespace

double tick_step(const Range& range, Unit unit, int limit) {
  const double step = unchecked_step(range, unit, limit);
  return std::isfinite(step) && step > 0 ? step : rough_step(range, limit);
}

std::vector<Tick> value_ticks(const Range& range, Unit unit, int limit) {
  std::vector<Tick> ticks;
  limit = std::clamp(limit, 1, 100);
  // One tick more than steps fits into a range whose ends are ticks.
  double step = tick_step(range, unit, std::max(1, limit - 1));
  const UnitScale scale = axis_scale(range, unit);
  double first = std::ceil(range.low / step - 1e-9);
  double last = std::floor(range.high / step + 1e-9);
  if (!std::isfinite(first) || !std::isfinite(last)) return ticks;
  if (last - first + 1 > limit) {
    step = tick_step(range, unit, std::max(1, limit / 2));
    first = std::ceil(range.low / step - 1e-9);
    last = std::floor(range.high / step + 1e-9);
  }
  const double unit_step = step / scale.divisor;
  const double magnitude = std::max(std::fabs(range.low), std::fabs(range.high)) / scale.divisor;
  for (double i = first; i <= last && static_cast<int>(ticks.size()) < limit; i += 1) {
    const double position = std::clamp(i * step, range.low, range.high);
    std::string label = number_text(i * unit_step, unit_step, magnitude);
    // Zero needs no unit, except of percent and of bare numbers, which read as one with the others.
    if (!scale.suffix.empty() && (label != "0" || unit == Unit::ratio))
      label += fmt::format(" {}", scale.suffix);
    // Past the precision of a double ticks would repeat themselves.
    if (!ticks.empty() && !(position > ticks.back().position)) break;
    ticks.push_back({position, std::move(label)});
  }
  return ticks;
}

std::string elapsed_label(std::int64_t time_ns, std::int64_t step_ns) {
  const bool negative = time_ns < 0;
  const std::uint64_t magnitude =
      negative ? 0 - static_cast<std::uint64_t>(time_ns) : static_cast<std::uint64_t>(time_ns);
  const auto seconds = static_cast<std::int64_t>(magnitude / static_cast<std::uint64_t>(kSecondNs));
  const auto rest_ns = static_cast<std::int64_t>(magnitude % static_cast<std::uint64_t>(kSecondNs));
  const std::string fraction = fraction_text(rest_ns, step_ns);
  const std::string sign = negative ? "-" : "";
  if (seconds < 60) return fmt::format("{}{}{} s", sign, seconds, fraction);
  const std::int64_t minutes = seconds / 60 % 60;
  const std::int64_t hours = seconds / 3600;
  if (hours == 0) return fmt::format("{}{}:{}{}", sign, minutes, two_digits(seconds % 60), fraction);
  const std::string clock = two_digits(minutes) + ':' + two_digits(seconds % 60) + fraction;
  if (hours < 24) return fmt::format("{}{}:{}", sign, hours, clock);
  if (step_ns % kDayNs == 0) return fmt::format("{}{} d", sign, hours / 24);
  const std::string day =
      fmt::format("{}{} d {}:{}", sign, hours / 24, two_digits(hours % 24), two_digits(minutes));
  return step_ns % kMinuteNs == 0 ? day : day + ':' + two_digits(seconds % 60) + fraction;
}

std::vector<Tick> elapsed_ticks(std::int64_t low_ns, std::int64_t high_ns, double axis_length,
                                const LabelLength& length, double gap) {
  return time_ticks(low_ns, high_ns, 0, axis_length, length, gap, elapsed_label);
}

std::vector<Tick> clock_ticks(std::int64_t low_ns, std::int64_t high_ns, std::int64_t midnight_ns,
                              double axis_length, const LabelLength& length, double gap) {
  const auto text = [](std::int64_t since_midnight_ns, std::int64_t step_ns) {
    const std::int64_t of_day_ns = since_midnight_ns - floor_multiple(since_midnight_ns, kDayNs);
    const std::int64_t seconds = of_day_ns / kSecondNs;
    std::string label = two_digits(seconds / 3600) + ':' + two_digits(seconds / 60 % 60);
    if (step_ns % kMinuteNs != 0)
      label += ':' + two_digits(seconds % 60) + fraction_text(of_day_ns % kSecondNs, step_ns);
    return label;
  };
  return time_ticks(low_ns, high_ns, midnight_ns, axis_length, length, gap, text);
}

}  // namespace isotach::view
