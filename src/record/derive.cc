#include "record/derive.h"

#include <cmath>

#include "base/counter.h"

namespace isotach::record {

std::optional<double> derive(const MetricDescriptor& metric, const Value* before, const Value& now,
                             std::int64_t elapsed_ns) {
  if (now.is_missing()) return std::nullopt;
  if (metric.kind != MetricKind::counter) {
    const double level = now.as_real() * metric.scale;
    if (!std::isfinite(level)) return std::nullopt;
    return level;
  }
  if (before == nullptr || before->is_missing() || elapsed_ns <= 0) return std::nullopt;

  double growth = 0;
  if (now.type() == Value::Type::unsigned_integer && before->type() == Value::Type::unsigned_integer) {
    const auto exact = counter_growth(before->as_unsigned(), now.as_unsigned(), metric.counter_bits);
    if (!exact) return std::nullopt;
    growth = static_cast<double>(*exact);
  } else {
    growth = now.as_real() - before->as_real();
    if (growth < 0) return std::nullopt;
  }
  const double per_second = growth * metric.scale / (static_cast<double>(elapsed_ns) / 1e9);
  const double shown = metric.rate_display == RateDisplay::bits_per_second ? per_second * 8 : per_second;
  if (!std::isfinite(shown)) return std::nullopt;
  return shown;
}

}  // namespace isotach::record
