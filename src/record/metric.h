// What a metric is. Each is described once; table heads, JSON keys, CSV headers, OpenMetrics names,
// web legends, recordings and docs/metrics.md are derived from the description.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/units.h"

namespace isotach::record {

enum class MetricKind : std::uint8_t {
  gauge,    // a level now: memory free
  counter,  // only grows until it wraps or is reset: bytes received
  rate,     // already per second when it was read
};

[[nodiscard]] std::string_view kind_name(MetricKind kind);  // "gauge", "counter", "rate"
[[nodiscard]] MetricKind kind_from_name(std::string_view name);

// How a counter is shown to people once it has been subtracted and divided by elapsed time.
enum class RateDisplay : std::uint8_t {
  per_second,       // bytes -> bytes/s, count -> /s
  bits_per_second,  // bytes -> bit/s, for what goes over a wire
  share_of_time,    // seconds/s -> ratio: CPU time, time stalled
};

// `name` follows OpenMetrics: lower case words with the base unit last ("memory_free_bytes");
// the suffix "_total" and the prefix "isotach_" are added where that format is written.
struct MetricDescriptor {
  std::string name;
  Unit unit = Unit::count;  // of value * scale
  MetricKind kind = MetricKind::gauge;
  std::string help;   // one sentence for people, without final stop
  std::string title;  // short name for heads and legends: "free"
  double scale = 1;   // raw value * scale = base unit (ticks -> 0.01 seconds)
  RateDisplay rate_display = RateDisplay::per_second;
  int counter_bits = 64;  // where a counter wraps

  // Unit of what derive() gives: bytes counters become bytes/s or bit/s, and so on.
  [[nodiscard]] Unit shown_unit() const;
};

}  // namespace isotach::record
