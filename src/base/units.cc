#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <ctime>
#include <span>

namespace isotach {
namespace {

struct NamedUnit {
  Unit unit;
  std::string_view name;
};

constexpr std::array kUnitNames = {
    NamedUnit{Unit::count, "count"},
    NamedUnit{Unit::bytes, "bytes"},
    NamedUnit{Unit::seconds, "seconds"},
    NamedUnit{Unit::ratio, "ratio"},
    NamedUnit{Unit::bytes_per_second, "bytes_per_second"},
    NamedUnit{Unit::bits_per_second, "bits_per_second"},
    NamedUnit{Unit::per_second, "per_second"},
};

constexpr double kKi = 1024.0;

// Each table runs from the smallest scale to the largest.
constexpr UnitScale kByteScales[] = {{1, "B"},
                                     {kKi, "KiB"},
                                     {kKi * kKi, "MiB"},
                                     {kKi * kKi * kKi, "GiB"},
                                     {kKi * kKi * kKi * kKi, "TiB"},
                                     {kKi * kKi * kKi * kKi * kKi, "PiB"},
                                     {kKi * kKi * kKi * kKi * kKi * kKi, "EiB"}};
constexpr UnitScale kByteRateScales[] = {{1, "B/s"},
                                         {kKi, "KiB/s"},
                                         {kKi * kKi, "MiB/s"},
                                         {kKi * kKi * kKi, "GiB/s"},
                                         {kKi * kKi * kKi * kKi, "TiB/s"}};
constexpr UnitScale kBitRateScales[] = {
    {1, "bit/s"}, {1e3, "kbit/s"}, {1e6, "Mbit/s"}, {1e9, "Gbit/s"}, {1e12, "Tbit/s"}};
constexpr UnitScale kCountScales[] = {{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}};
constexpr UnitScale kPerSecondScales[] = {{1, "/s"}, {1e3, "k/s"}, {1e6, "M/s"}, {1e9, "G/s"}, {1e12, "T/s"}};
constexpr UnitScale kRatioScales[] = {{0.01, "%"}};
constexpr UnitScale kSecondScales[] = {{1e-9, "ns"}, {1e-6, "us"}, {1e-3, "ms"}, {1, "s"},
                                       {60, "min"},  {3600, "h"},  {86400, "d"}};

std::span<const UnitScale> scales_of(Unit unit) {
  switch (unit) {
    case Unit::bytes:
      return kByteScales;
    case Unit::bytes_per_second:
      return kByteRateScales;
    case Unit::bits_per_second:
      return kBitRateScales;
    case Unit::seconds:
      return kSecondScales;
    case Unit::ratio:
      return kRatioScales;
    case Unit::per_second:
      return kPerSecondScales;
    case Unit::count:
      break;
  }
  return kCountScales;
}

// Up to three digits after the point, so that about four digits stay significant.
std::string significant(double value) {
  const double magnitude = std::fabs(value);
  if (value == std::floor(value) && magnitude < 1e6) return fmt::format("{:.0f}", value);
  if (magnitude >= 99.95) return fmt::format("{:.0f}", value);
  if (magnitude >= 9.995) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

}  // namespace

std::string_view unit_name(Unit unit) {
  for (const NamedUnit& named : kUnitNames)
    if (named.unit == unit) return named.name;
  return "count";
}

Unit unit_from_name(std::string_view name) {
  for (const NamedUnit& named : kUnitNames)
    if (named.name == name) return named.unit;
  return Unit::count;
}

UnitScale scale_for(double magnitude, Unit unit) {
  const std::span<const UnitScale> scales = scales_of(unit);
  magnitude = std::fabs(magnitude);
  if (magnitude == 0 && unit == Unit::seconds) return {1, "s"};
  UnitScale chosen = scales.front();
  for (const UnitScale& scale : scales)
    if (magnitude >= scale.divisor) chosen = scale;
  return chosen;
}

std::string format_quantity(double value, Unit unit) {
  if (!std::isfinite(value)) return "-";
  UnitScale scale = scale_for(value, unit);
  // What rounds up to a whole step of the next scale is shown there: 1.00 MiB, not 1024 KiB.
  const UnitScale next = scale_for(std::round(std::fabs(value) / scale.divisor) * scale.divisor, unit);
  if (std::fabs(value) / scale.divisor >= 99.95 && next.divisor > scale.divisor) scale = next;
  const std::string number = significant(value / scale.divisor);
  if (scale.suffix.empty()) return number;
  return fmt::format("{} {}", number, scale.suffix);
}

std::string format_bytes(double bytes) {
  return format_quantity(bytes, Unit::bytes);
}

std::string format_bits_per_second(double rate) {
  return format_quantity(rate, Unit::bits_per_second);
}

std::string format_duration_ns(double duration_ns) {
  const double duration_s = duration_ns / 1e9;
  constexpr double kLongest_s = 1e12;  // beyond it there is nothing to show in days
  if (!std::isfinite(duration_s) || duration_s > kLongest_s) return "-";
  if (duration_s < 60) return format_quantity(duration_s, Unit::seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(duration_s));
  const std::int64_t days = whole / 86400;
  const std::int64_t hours = whole / 3600 % 24;
  const std::int64_t minutes = whole / 60 % 60;
  if (days > 0) return fmt::format("{} d {} h {} min", days, hours, minutes);
  if (hours > 0) return fmt::format("{} h {} min", hours, minutes);
  return fmt::format("{} min {} s", minutes, whole % 60);
}

std::string format_wall_time_utc(std::int64_t wall_ns) {
  std::int64_t wall_ms = wall_ns / 1'000'000;
  if (wall_ns % 1'000'000 < 0) --wall_ms;
  std::int64_t milliseconds = wall_ms % 1000;
  if (milliseconds < 0) milliseconds += 1000;
  const std::time_t seconds = (wall_ms - milliseconds) / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, milliseconds);
}

std::string format_wall_time_local(std::int64_t wall_ns) {
  const std::time_t seconds = wall_ns / 1'000'000'000;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace isotach
