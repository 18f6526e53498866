#include "memory/process/row.h"

#include <gtest/gtest.h>

#include <limits>

#include "memory/process/pace.h"
#include "memory/process/summary.h"

namespace isotach::memory {
namespace {

using kernel::ProcessField;
using kernel::ProcessReading;

constexpr std::int64_t kSecond = kNanosecondsPerSecond;
constexpr std::uint64_t kPage = 4096;

ProcessReading reading(std::uint64_t resident_pages, std::uint64_t minor_faults, std::uint64_t cpu_ns) {
  ProcessReading reading;
  reading.pid = 42;
  reading.command = "work";
  reading.values.fill(Value::of(0));
  reading[ProcessField::resident_pages] = Value::of(resident_pages);
  reading[ProcessField::minor_faults] = Value::of(minor_faults);
  reading[ProcessField::cpu_ns] = Value::of(cpu_ns);
  reading[ProcessField::age_ns] = Value::of(20 * kSecond);
  return reading;
}

TEST(ProcessRow, ScalesLevelsAndDividesByTheTimeThatPassed) {
  ProcessReading before = reading(100, 1000, 5 * kSecond);
  ProcessReading now = reading(250, 1600, 5 * kSecond + kSecond / 10);
  now[ProcessField::proportional_kib] = Value::of(600);
  now[ProcessField::swap_kib] = Value::of(16);
  now[ProcessField::heap_bytes] = Value::of(8192);
  now[ProcessField::threads] = Value::of(3);
  const ProcessRow row = make_process_row(&before, now, kSecond / 5, kPage);
  EXPECT_EQ(row.pid, 42u);
  EXPECT_EQ(row.command, "work");
  EXPECT_EQ(row[ProcessColumn::resident].value, Value::of(250 * kPage));
  EXPECT_EQ(row[ProcessColumn::proportional].value, Value::of(600 * 1024));
  EXPECT_EQ(row[ProcessColumn::swap].value, Value::of(16 * 1024));
  EXPECT_EQ(row[ProcessColumn::heap].value, Value::of(8192));
  EXPECT_EQ(row[ProcessColumn::threads].value, Value::of(3));
  EXPECT_DOUBLE_EQ(row[ProcessColumn::cpu].value.as_real(), 0.5);
  EXPECT_DOUBLE_EQ(row[ProcessColumn::minor_fault_rate].value.as_real(), 3000);
  EXPECT_EQ(row[ProcessColumn::minor_faults].value, Value::of(1600));
  EXPECT_DOUBLE_EQ(row[ProcessColumn::cpu_time].value.as_real(), 5.1);
}

TEST(ProcessRow, TheFirstIsTheAverageOfAllItsLife) {
  const ProcessRow row = make_process_row(nullptr, reading(1, 1000, 5 * kSecond), 0, kPage);
  EXPECT_DOUBLE_EQ(row[ProcessColumn::cpu].value.as_real(), 0.25);
  EXPECT_DOUBLE_EQ(row[ProcessColumn::minor_fault_rate].value.as_real(), 50);
}

TEST(ProcessRow, AVeryShortLifeHasNoAverage) {
  for (const Value age : {Value::of(9'999'999), Value(Missing::malformed),
                          Value::of(std::numeric_limits<std::uint64_t>::max())}) {
    ProcessReading now = reading(1, 1000, kSecond);
    now[ProcessField::age_ns] = age;
    const ProcessRow row = make_process_row(nullptr, now, 0, kPage);
    EXPECT_EQ(row[ProcessColumn::cpu].absent, Absent::no_time);
    EXPECT_EQ(row[ProcessColumn::minor_faults].value, Value::of(1000));
  }
}

TEST(ProcessRow, MissingStaysMissingWithItsReason) {
  ProcessReading before = reading(1, 1, 1);
  ProcessReading now = reading(1, 1, 1);
  now[ProcessField::proportional_kib] = Missing::not_permitted;
  now[ProcessField::swap_kib] = Missing::not_supported;
  before[ProcessField::major_faults] = Missing::malformed;
  const ProcessRow row = make_process_row(&before, now, kSecond, kPage);
  EXPECT_EQ(row[ProcessColumn::proportional].absent, Absent::not_permitted);
  EXPECT_EQ(row[ProcessColumn::swap].absent, Absent::not_supported);
  EXPECT_EQ(row[ProcessColumn::major_fault_rate].absent, Absent::malformed);
  EXPECT_FALSE(row[ProcessColumn::resident].is_missing());
}

TEST(ProcessRow, CountersThatGoBackAndTimeThatStandsStillGiveNoRate) {
  const ProcessReading before = reading(1, 100, kSecond);
  const ProcessReading now = reading(1, 99, kSecond);
  EXPECT_EQ(make_process_row(&before, now, kSecond, kPage)[ProcessColumn::minor_fault_rate].absent,
            Absent::went_backwards);
  EXPECT_EQ(make_process_row(&before, now, 0, kPage)[ProcessColumn::cpu].absent, Absent::no_time);
  EXPECT_EQ(make_process_row(&before, now, -5, kPage)[ProcessColumn::cpu].absent, Absent::no_time);
}

TEST(ProcessRow, AbsurdNumbersAreMalformed) {
  ProcessReading now = reading(std::numeric_limits<std::uint64_t>::max(), 0, 0);
  now[ProcessField::swap_kib] = Value::of(std::numeric_limits<std::uint64_t>::max() / 1000);
  const ProcessRow row = make_process_row(nullptr, now, 0, kPage);
  EXPECT_EQ(row[ProcessColumn::resident].absent, Absent::malformed);
  EXPECT_EQ(row[ProcessColumn::swap].absent, Absent::malformed);
}

TEST(ProcessColumns, AreAllDescribed) {
  for (std::size_t i = 0; i < kProcessColumnCount; ++i) {
    const ProcessColumnInfo& info = process_column(static_cast<ProcessColumn>(i));
    EXPECT_FALSE(info.head.empty());
    EXPECT_FALSE(info.key.empty());
    EXPECT_TRUE(info.help.ends_with('.')) << info.head;
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_NE(process_column(static_cast<ProcessColumn>(j)).head, info.head);
      EXPECT_NE(process_column(static_cast<ProcessColumn>(j)).key, info.key);
    }
  }
}

TEST(Pace, IsDueAtFirstAndThenOncePerInterval) {
  Pace pace(500);
  EXPECT_TRUE(pace.is_due(1000));
  pace.done(1000, 1001);
  EXPECT_FALSE(pace.is_due(1499));
  EXPECT_TRUE(pace.is_due(1500));
}

TEST(Pace, LateReadingsDoNotBecomeRarer) {
  Pace pace(500);
  pace.done(1000, 1001);
  pace.done(1507, 1508);  // late by 7
  EXPECT_TRUE(pace.is_due(2000));
  pace.done(9000, 9001);  // many were missed: no two in quick succession
  EXPECT_FALSE(pace.is_due(9499));
  EXPECT_TRUE(pace.is_due(9500));
}

TEST(Pace, NeverTakesMoreThanATwentiethOfTheTime) {
  Pace pace(500);
  pace.done(1000, 1100);
  EXPECT_FALSE(pace.is_due(2999));
  EXPECT_TRUE(pace.is_due(3000));
}

ProcessRow row_of(std::uint64_t rss, std::uint64_t kernel_peak, std::uint64_t faults) {
  ProcessReading now = reading(rss, faults, faults * 1000);
  now[ProcessField::peak_resident_kib] = Value::of(kernel_peak * kPage / 1024);
  return make_process_row(nullptr, now, 0, kPage);
}

TEST(ProcessSummary, KeepsPeaksWithTheirTimes) {
  ProcessSummary summary;
  summary.add(row_of(10, 100, 5), {1000, 0});
  summary.add(row_of(30, 100, 8), {2000, 0});
  summary.add(row_of(20, 100, 9), {3000, 0});
  ASSERT_TRUE(summary.resident_peak());
  // The kernel's peak of 100 pages is older than this run.
  EXPECT_EQ(summary.resident_peak()->bytes, 30 * kPage);
  EXPECT_EQ(summary.resident_peak()->time.monotonic_ns, 2000);
  EXPECT_EQ(summary.samples(), 3u);
  EXPECT_EQ(summary.minor_faults(false), 4u);
  EXPECT_EQ(summary.minor_faults(true), 9u);
}

TEST(ProcessSummary, SeesAPeakBetweenTwoSamples) {
  ProcessSummary summary;
  summary.add(row_of(10, 10, 5), {1000, 0});
  summary.add(row_of(12, 80, 5), {2000, 0});
  EXPECT_EQ(summary.resident_peak()->bytes, 80 * kPage);
  EXPECT_EQ(summary.resident_peak()->time.monotonic_ns, 2000);
}

TEST(ProcessSummary, WhatWasNeverMeasuredHasNoPeak) {
  ProcessReading now = reading(1, 1, 1);
  now[ProcessField::proportional_kib] = Missing::not_permitted;
  ProcessSummary summary;
  summary.add(make_process_row(nullptr, now, 0, kPage), {1, 0});
  EXPECT_FALSE(summary.proportional_peak());
  EXPECT_TRUE(summary.swap_peak());
}

}  // namespace
}  // namespace isotach::memory
