#include "record/metric.h"

#include <gtest/gtest.h>

namespace isotach::record {
namespace {

TEST(Metric, KindsReadBack) {
  for (const MetricKind kind : {MetricKind::gauge, MetricKind::counter, MetricKind::rate})
    EXPECT_EQ(kind_from_name(kind_name(kind)), kind);
  EXPECT_EQ(kind_from_name("of a later version"), MetricKind::gauge);
}

TEST(Metric, ShownUnitFollowsKindAndDisplay) {
  const auto shown = [](Unit unit, MetricKind kind, RateDisplay display) {
    return MetricDescriptor{"m", unit, kind, "", "", 1, display}.shown_unit();
  };
  EXPECT_EQ(shown(Unit::bytes, MetricKind::gauge, RateDisplay::bits_per_second), Unit::bytes);
  EXPECT_EQ(shown(Unit::bytes_per_second, MetricKind::rate, RateDisplay::per_second), Unit::bytes_per_second);
  EXPECT_EQ(shown(Unit::bytes, MetricKind::counter, RateDisplay::per_second), Unit::bytes_per_second);
  EXPECT_EQ(shown(Unit::bytes, MetricKind::counter, RateDisplay::bits_per_second), Unit::bits_per_second);
  EXPECT_EQ(shown(Unit::seconds, MetricKind::counter, RateDisplay::share_of_time), Unit::ratio);
  EXPECT_EQ(shown(Unit::count, MetricKind::counter, RateDisplay::per_second), Unit::per_second);
}

}  // namespace
}  // namespace isotach::record
