// From raw values to what people see: gauges are scaled, counters become rates over the time that
// really passed between the two readings.
#pragma once

#include <cstdint>
#include <optional>

#include "record/metric.h"
#include "record/sample.h"

namespace isotach::record {

// The shown value in metric.shown_unit(). Nothing when a value is missing or no finite number, when a
// counter was reset in between, or when no time has passed. `before` is ignored for gauges and rates.
[[nodiscard]] std::optional<double> derive(const MetricDescriptor& metric, const Value* before,
                                           const Value& now, std::int64_t elapsed_ns);

}  // namespace isotach::record
