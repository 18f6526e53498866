#include "base/units.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <cmath>
#include <limits>

namespace isotach {
namespace {

TEST(FormatQuantity, BytesAreBinaryAndBitsDecimal) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1 KiB");
  EXPECT_EQ(format_bytes(1536), "1.50 KiB");
  EXPECT_EQ(format_bytes(3.42 * (1 << 30)), "3.42 GiB");
  EXPECT_EQ(format_bytes(-2048), "-2 KiB");
  EXPECT_EQ(format_bits_per_second(94'100'000), "94.1 Mbit/s");
  EXPECT_EQ(format_bits_per_second(1000), "1 kbit/s");
  EXPECT_EQ(format_quantity(2048, Unit::bytes_per_second), "2 KiB/s");
  EXPECT_EQ(format_quantity(0.125, Unit::ratio), "12.5 %");
  EXPECT_EQ(format_quantity(1200, Unit::per_second), "1.20 k/s");
  EXPECT_EQ(format_quantity(12, Unit::count), "12");
}

TEST(FormatQuantity, RoundsIntoTheNextScale) {
  EXPECT_EQ(format_bytes(1024 * 1024 - 1), "1.00 MiB");
  EXPECT_EQ(format_bytes(1023.4 * 1024), "1023 KiB");
  EXPECT_EQ(format_bits_per_second(999'999), "1.00 Mbit/s");
  EXPECT_EQ(format_bits_per_second(999'400), "999 kbit/s");
}

TEST(FormatQuantity, WhatIsNoNumberIsADash) {
  for (const Unit unit : {Unit::count, Unit::bytes, Unit::seconds, Unit::ratio}) {
    EXPECT_EQ(format_quantity(std::nan(""), unit), "-");
    EXPECT_EQ(format_quantity(std::numeric_limits<double>::infinity(), unit), "-");
  }
  EXPECT_EQ(format_duration_ns(std::nan("")), "-");
  EXPECT_EQ(format_duration_ns(1e300), "-");
}

TEST(FormatDuration, ChoosesItsUnit) {
  EXPECT_EQ(format_duration_ns(0), "0 s");
  EXPECT_EQ(format_duration_ns(340'000), "340 us");
  EXPECT_EQ(format_duration_ns(1'250'000), "1.25 ms");
  EXPECT_EQ(format_duration_ns(12e9), "12 s");
  EXPECT_EQ(format_duration_ns(200e9), "3 min 20 s");
  EXPECT_EQ(format_duration_ns(2 * 3600e9 + 60e9), "2 h 1 min");
  EXPECT_EQ(format_duration_ns(86400e9 * 3 + 3600e9), "3 d 1 h 0 min");
}

TEST(FormatWallTime, IsIsoInUtc) {
  EXPECT_EQ(format_wall_time_utc(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_wall_time_utc(1'795'397'363'250'999'999), "2026-11-23T01:29:23.250Z");
  EXPECT_EQ(format_wall_time_utc(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_wall_time_utc(std::numeric_limits<std::int64_t>::max()).substr(0, 5), "2262-");
}

TEST(FormatWallTime, LocalFollowsTheZone) {
  ::setenv("TZ", "UTC-2", 1);
  ::tzset();
  EXPECT_EQ(format_wall_time_local(1'795'397'363'000'000'000), "2026-11-23 03:29:23");
  ::unsetenv("TZ");
  ::tzset();
}

TEST(UnitName, GoesThereAndBack) {
  for (const Unit unit : {Unit::count, Unit::bytes, Unit::seconds, Unit::ratio, Unit::bytes_per_second,
                          Unit::bits_per_second, Unit::per_second})
    EXPECT_EQ(unit_from_name(unit_name(unit)), unit);
  EXPECT_EQ(unit_from_name("parsecs"), Unit::count);
}

TEST(ScaleFor, SuitsTheLargestValue) {
  EXPECT_EQ(scale_for(3e9, Unit::bytes).suffix, "GiB");
  EXPECT_EQ(scale_for(0, Unit::seconds).suffix, "s");
  EXPECT_EQ(scale_for(0, Unit::bytes).suffix, "B");
  EXPECT_EQ(scale_for(1e30, Unit::bytes).suffix, "EiB");
  EXPECT_EQ(scale_for(0.5, Unit::ratio).suffix, "%");
}

}  // namespace
}  // namespace isotach
