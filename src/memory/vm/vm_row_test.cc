#include "memory/vm/vm_row.h"

#include <gtest/gtest.h>

#include <limits>

namespace isotach::memory {
namespace {

using kernel::CpuField;
using kernel::MemoryField;
using kernel::VmCounter;
using machine::MachineReading;

constexpr std::int64_t kSecond = 1'000'000'000;

void set(MachineReading& reading, CpuField field, std::uint64_t ticks) {
  reading.cpu.all.ticks[static_cast<std::size_t>(field)] = Value::of(ticks);
}

void set(MachineReading& reading, VmCounter counter, std::uint64_t value) {
  reading.vm.values[static_cast<std::size_t>(counter)] = Value::of(value);
}

void set(MachineReading& reading, MemoryField field, std::uint64_t kib) {
  reading.memory.kib[static_cast<std::size_t>(field)] = Value::of(kib);
}

// A machine of 4 KiB pages that has been up for 100 s.
MachineReading machine() {
  MachineReading reading;
  reading.page_size_bytes = 4096;
  reading.uptime.uptime_s = Value::of_real(100);
  for (Value& ticks : reading.cpu.all.ticks) ticks = Value::of(0);
  set(reading, CpuField::user, 600);
  set(reading, CpuField::idle, 400);
  for (const VmCounter counter : {VmCounter::swapped_in_pages, VmCounter::swapped_out_pages,
                                  VmCounter::paged_in_kib, VmCounter::paged_out_kib})
    set(reading, counter, 1000);
  reading.cpu.interrupts = reading.cpu.context_switches = Value::of(5000);
  reading.cpu.processes_running = Value::of(3);
  reading.cpu.processes_blocked = Value::of(1);
  set(reading, MemoryField::total, 8000);
  set(reading, MemoryField::free, 1000);
  set(reading, MemoryField::buffers, 200);
  set(reading, MemoryField::cached, 3000);
  set(reading, MemoryField::slab_reclaimable, 500);
  set(reading, MemoryField::swap_total, 2000);
  set(reading, MemoryField::swap_free, 1500);
  return reading;
}

TEST(VmRow, LevelsAreThoseOfTheMoment) {
  const VmRow row = row_since_boot(machine());
  EXPECT_EQ(row[RowColumn::running], Cell::of(2)) << "without the reader itself";
  EXPECT_EQ(row[RowColumn::blocked], Cell::of(1));
  EXPECT_EQ(row[RowColumn::swap_used], Cell::of(500));
  EXPECT_EQ(row[RowColumn::free], Cell::of(1000));
  EXPECT_EQ(row[RowColumn::cache], Cell::of(3500));
}

TEST(VmRow, TheFirstRowIsAveragesSinceBoot) {
  const VmRow row = row_since_boot(machine());
  EXPECT_TRUE(row.since_boot);
  EXPECT_EQ(row[RowColumn::swap_in], Cell::of(4000, 100 * kSecond));
  EXPECT_EQ(row[RowColumn::context_switches], Cell::of(5000, 100 * kSecond));
  EXPECT_EQ(row[RowColumn::user], Cell::of(600, 1000));
}

TEST(VmRow, WithoutAnUptimeThereAreNoAverages) {
  MachineReading now = machine();
  for (const Value& uptime :
       {Value(Missing::not_supported), Value::of_real(0), Value::of_real(-5), Value::of_real(1e300)}) {
    now.uptime.uptime_s = uptime;
    const VmRow row = row_since_boot(now);
    EXPECT_EQ(row[RowColumn::interrupts], Cell::missing(Absent::no_time));
    EXPECT_FALSE(row[RowColumn::user].is_missing());
  }
}

TEST(VmRow, RatesAreDividedByTheTimeThatPassed) {
  MachineReading now = machine();
  set(now, VmCounter::paged_in_kib, 1300);
  TickDebt debt;
  const VmRow row = row_between(machine(), now, 3 * kSecond, debt);
  EXPECT_EQ(row[RowColumn::block_in], Cell::of(300, 3 * kSecond));
}

TEST(VmRow, NoTimeIsNoRate) {
  TickDebt debt;
  for (const std::int64_t elapsed_ns :
       {std::int64_t{0}, -kSecond, std::numeric_limits<std::int64_t>::min()}) {
    const VmRow row = row_between(machine(), machine(), elapsed_ns, debt);
    EXPECT_EQ(row[RowColumn::swap_out], Cell::missing(Absent::no_time));
  }
}

TEST(VmRow, ACounterThatWentBackwardsHasNoRateAndOneThatWrappedHas) {
  MachineReading before = machine();
  MachineReading now = machine();
  set(now, VmCounter::swapped_in_pages, 999);
  before.cpu.interrupts = Value::of(std::numeric_limits<std::uint64_t>::max() - 9);
  now.cpu.interrupts = Value::of(5);
  TickDebt debt;
  const VmRow row = row_between(before, now, kSecond, debt);
  EXPECT_EQ(row[RowColumn::swap_in], Cell::missing(Absent::went_backwards));
  EXPECT_EQ(row[RowColumn::interrupts], Cell::of(15, kSecond));
}

TEST(VmRow, WhatTheKernelDoesNotTellIsMissingWithItsReason) {
  MachineReading now = machine();
  now.vm.values[static_cast<std::size_t>(VmCounter::paged_out_kib)] = Value(Missing::malformed);
  now.memory.kib[static_cast<std::size_t>(MemoryField::swap_total)] = Value(Missing::not_supported);
  TickDebt debt;
  const VmRow row = row_between(machine(), now, kSecond, debt);
  EXPECT_EQ(row[RowColumn::block_out], Cell::missing(Absent::malformed));
  EXPECT_EQ(row[RowColumn::swap_used], Cell::missing(Absent::not_supported));
  EXPECT_EQ(row[RowColumn::pressure_io], Cell::missing(Absent::not_supported));
}

TEST(VmRow, GuestsAreTakenFromUserAndCannotMakeItNegative) {
  MachineReading now = machine();
  set(now, CpuField::user, 610);
  set(now, CpuField::guest, 25);
  set(now, CpuField::idle, 490);
  TickDebt debt;
  const VmRow row = row_between(machine(), now, kSecond, debt);
  EXPECT_EQ(row[RowColumn::user], Cell::of(0, 100));
  EXPECT_EQ(row[RowColumn::guest], Cell::of(25, 100));
  EXPECT_EQ(row[RowColumn::idle], Cell::of(90, 100));
}

TEST(VmRow, IdleTimeThatRunsBackwardsIsTakenFromTheNextInterval) {
  MachineReading first = machine();
  MachineReading second = machine();
  set(second, CpuField::idle, 390);
  set(second, CpuField::user, 700);
  MachineReading third = second;
  set(third, CpuField::idle, 460);
  set(third, CpuField::user, 740);
  TickDebt debt;
  EXPECT_EQ(row_between(first, second, kSecond, debt)[RowColumn::idle], Cell::of(0, 100));
  EXPECT_EQ(row_between(second, third, kSecond, debt)[RowColumn::idle], Cell::of(60, 100));
  EXPECT_EQ(debt.idle, 0U);
}

TEST(VmRow, ADebtThatCannotBePaidAtOnceIsForgotten) {
  MachineReading before = machine();
  MachineReading now = machine();
  set(now, CpuField::idle, 450);
  set(now, CpuField::user, 650);
  TickDebt debt{1'000'000, 0};
  EXPECT_EQ(row_between(before, now, kSecond, debt)[RowColumn::idle], Cell::of(0, 50));
  MachineReading later = now;
  set(later, CpuField::idle, 550);
  EXPECT_EQ(row_between(now, later, kSecond, debt)[RowColumn::idle], Cell::of(100, 100));
}

TEST(VmRow, ResetCpuTimesHaveNoShares) {
  MachineReading now = machine();
  set(now, CpuField::user, 10);
  TickDebt debt{7, 7};
  const VmRow row = row_between(machine(), now, kSecond, debt);
  EXPECT_EQ(row[RowColumn::idle], Cell::missing(Absent::went_backwards));
  EXPECT_EQ(debt.idle, 0U);
}

TEST(VmRow, NoTicksAreNotIdleTime) {
  TickDebt debt;
  EXPECT_EQ(row_between(machine(), machine(), kSecond, debt)[RowColumn::idle],
            Cell::missing(Absent::no_time));
}

TEST(VmRow, ColumnsOfOldKernelsAreMissingAndDoNotSpoilTheOthers) {
  MachineReading now = machine();
  now.cpu.all.ticks[static_cast<std::size_t>(CpuField::guest)] = Value(Missing::not_supported);
  set(now, CpuField::idle, 500);
  TickDebt debt;
  const VmRow row = row_between(machine(), now, kSecond, debt);
  EXPECT_EQ(row[RowColumn::guest], Cell::missing(Absent::not_supported));
  EXPECT_EQ(row[RowColumn::idle], Cell::of(100, 100));
}

TEST(VmRow, ExtremeNumbersDoNotOverflow) {
  MachineReading before = machine();
  MachineReading now = machine();
  constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();
  for (Value& value : now.vm.values) value = Value::of(kLargest);
  for (Value& value : now.cpu.all.ticks) value = Value::of(kLargest / 2);
  for (Value& value : now.memory.kib) value = Value::of(kLargest);
  TickDebt debt;
  const VmRow row = row_between(before, now, 1, debt);
  EXPECT_LE(row[RowColumn::user].amount, row[RowColumn::user].per);
  EXPECT_EQ(row[RowColumn::cache].amount, kLargest);
  EXPECT_EQ(row_since_boot(now)[RowColumn::swap_in].amount, kLargest);
}

TEST(VmRow, PressureIsAShareOfTheTimeThatPassed) {
  MachineReading before = machine();
  MachineReading now = machine();
  before.memory_pressure.some.total_us = Value::of(1000);
  now.memory_pressure.some.total_us = Value::of(251000);
  TickDebt debt;
  EXPECT_EQ(row_between(before, now, kSecond, debt)[RowColumn::pressure_memory],
            Cell::of(250'000'000, kSecond));
}

}  // namespace
}  // namespace isotach::memory
