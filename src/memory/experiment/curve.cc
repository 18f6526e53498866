#include "memory/experiment/curve.h"

#include <algorithm>
#include <cmath>

namespace isotach::memory {
namespace {

// An exbibyte: more than any machine has, and sums of it stay exact enough.
constexpr double kAbsurdBytes = 1024.0 * 1024 * 1024 * 1024 * 1024 * 1024;

bool is_sane(double bytes) {
  return std::isfinite(bytes) && bytes >= 0 && bytes < kAbsurdBytes;
}

}  // namespace

Curve footprint_of(std::span<const MemorySample> samples) {
  Curve curve;
  curve.reserve(samples.size());
  for (const MemorySample& sample : samples) {
    if (!sample.resident_bytes || !is_sane(*sample.resident_bytes)) continue;
    if (!curve.empty() && sample.time_ns <= curve.back().time_ns) continue;
    const double swapped = sample.swap_bytes && is_sane(*sample.swap_bytes) ? *sample.swap_bytes : 0;
    curve.push_back({sample.time_ns, *sample.resident_bytes + swapped});
  }
  return curve;
}

Curve part_of(const Curve& curve, std::int64_t from_ns, std::int64_t to_ns) {
  Curve part;
  for (const CurvePoint& point : curve)
    if (point.time_ns >= from_ns && point.time_ns <= to_ns) part.push_back(point);
  return part;
}

double median_between(const Curve& curve, std::int64_t from_ns, std::int64_t to_ns) {
  std::vector<double> values;
  for (const CurvePoint& point : part_of(curve, from_ns, to_ns)) values.push_back(point.bytes);
  if (values.empty()) return level_at(curve, from_ns);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double level_at(const Curve& curve, std::int64_t time_ns) {
  if (curve.empty()) return 0;
  const auto next =
      std::lower_bound(curve.begin(), curve.end(), time_ns,
                       [](const CurvePoint& point, std::int64_t at) { return point.time_ns < at; });
  if (next == curve.end()) return curve.back().bytes;
  if (next == curve.begin() || next->time_ns == time_ns) return next->bytes;
  const CurvePoint& before = *(next - 1);
  const double share =
      static_cast<double>(time_ns - before.time_ns) / static_cast<double>(next->time_ns - before.time_ns);
  return before.bytes + share * (next->bytes - before.bytes);
}

std::vector<Turn> turns_of(const Curve& curve, double least_bytes) {
  std::vector<Turn> turns;
  if (curve.empty()) return turns;
  Turn low{curve.front().time_ns, curve.front().bytes, false};
  Turn high{curve.front().time_ns, curve.front().bytes, true};
  bool rising = true;
  bool any_rise = false;
  for (const CurvePoint& point : curve) {
    if (rising) {
      if (!any_rise && point.bytes < low.bytes) low = high = {point.time_ns, point.bytes, false};
      if (point.bytes >= high.bytes) high = {point.time_ns, point.bytes, true};
      any_rise = any_rise || high.bytes - low.bytes >= least_bytes;
      if (!any_rise || high.bytes - point.bytes < least_bytes) continue;
      turns.push_back(low);
      high.high = true;
      turns.push_back(high);
      low = {point.time_ns, point.bytes, false};
      rising = false;
    } else {
      if (point.bytes <= low.bytes) low = {point.time_ns, point.bytes, false};
      if (point.bytes - low.bytes < least_bytes) continue;
      high = {point.time_ns, point.bytes, true};
      rising = true;
    }
  }
  // The last movement, as far as it went.
  low.high = false;
  turns.push_back(low);
  if (rising && any_rise) {
    high.high = true;
    turns.push_back(high);
  }
  return turns;
}

Staircase staircase_of(const Curve& curve, std::size_t bins, std::size_t least_level) {
  Staircase staircase;
  if (curve.size() < 2 || bins == 0) return staircase;
  const std::int64_t from_ns = curve.front().time_ns;
  const auto length_ns = static_cast<double>(curve.back().time_ns - from_ns);
  const auto edge = [&](std::size_t bin) {
    return from_ns +
           static_cast<std::int64_t>(length_ns * static_cast<double>(bin) / static_cast<double>(bins));
  };
  const double mean = (curve.back().bytes - curve.front().bytes) / static_cast<double>(bins);
  std::vector<bool> level(bins);
  for (std::size_t bin = 0; bin < bins; ++bin)
    level[bin] = level_at(curve, edge(bin + 1)) - level_at(curve, edge(bin)) < 0.2 * mean;
  for (std::size_t bin = 0; bin < bins;) {
    std::size_t end = bin;
    while (end < bins && level[end] == level[bin]) ++end;
    // Short breaks inside a rise are none.
    if (level[bin] && end - bin < least_level && bin > 0 && end < bins)
      std::fill(level.begin() + static_cast<std::ptrdiff_t>(bin),
                level.begin() + static_cast<std::ptrdiff_t>(end), false);
    bin = end;
  }
  std::size_t level_bins = 0;
  for (std::size_t bin = 0; bin < bins;) {
    std::size_t end = bin;
    while (end < bins && level[end] == level[bin]) ++end;
    if (level[bin]) {
      level_bins += end - bin;
    } else {
      staircase.rises.push_back(
          {edge(bin), edge(end), level_at(curve, edge(end)) - level_at(curve, edge(bin))});
    }
    bin = end;
  }
  staircase.level_share = static_cast<double>(level_bins) / static_cast<double>(bins);
  return staircase;
}

}  // namespace isotach::memory
