// Units of what is measured, and the one place that turns numbers into text for people.
// Bits are SI (kbit/s = 1000 bit/s), bytes are IEC (KiB = 1024 B), and both are always written out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace isotach {

enum class Unit : std::uint8_t {
  count,  // things: processes, pages scanned, context switches
  bytes,
  seconds,
  ratio,  // 0..1; people see percent
  bytes_per_second,
  bits_per_second,
  per_second,  // things per second
};

// "bytes", "ratio", ...: as written in JSON, recordings and OpenMetrics.
[[nodiscard]] std::string_view unit_name(Unit unit);
// The reverse; `count` for a name this version does not know.
[[nodiscard]] Unit unit_from_name(std::string_view name);

// "1.50 GiB", "940 Mbit/s", "12.5 %", "340 us", "1.2 k/s": three to four significant digits.
[[nodiscard]] std::string format_quantity(double value, Unit unit);

[[nodiscard]] std::string format_bytes(double bytes);              // "3.42 GiB"
[[nodiscard]] std::string format_bits_per_second(double rate);     // "94.1 Mbit/s"
[[nodiscard]] std::string format_duration_ns(double duration_ns);  // "1.25 ms", "3 min 20 s"

// "2026-11-23T01:29:23.250Z"
[[nodiscard]] std::string format_wall_time_utc(std::int64_t wall_ns);
// "2026-11-23 03:29:23" in the local zone.
[[nodiscard]] std::string format_wall_time_local(std::int64_t wall_ns);

// How a unit is scaled for an axis or a column: values are divided by `divisor` and carry `suffix`.
struct UnitScale {
  double divisor;
  std::string_view suffix;  // "GiB", "Mbit/s", "%"
};
// The scale that suits a largest value of `magnitude`.
[[nodiscard]] UnitScale scale_for(double magnitude, Unit unit);

}  // namespace isotach
