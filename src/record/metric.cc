#include "record/metric.h"

namespace isotach::record {

std::string_view kind_name(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return "counter";
    case MetricKind::rate:
      return "rate";
    case MetricKind::gauge:
      break;
  }
  return "gauge";
}

MetricKind kind_from_name(std::string_view name) {
  if (name == "counter") return MetricKind::counter;
  if (name == "rate") return MetricKind::rate;
  return MetricKind::gauge;
}

Unit MetricDescriptor::shown_unit() const {
  if (kind != MetricKind::counter) return unit;
  if (rate_display == RateDisplay::share_of_time) return Unit::ratio;
  if (rate_display == RateDisplay::bits_per_second) return Unit::bits_per_second;
  return unit == Unit::bytes ? Unit::bytes_per_second : Unit::per_second;
}

}  // namespace isotach::record
