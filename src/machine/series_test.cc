#include "machine/series.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <set>

namespace isotach::machine {
namespace {

using record::Sample;
using record::SeriesTable;

// A reading in which every number is different, so that a swapped pair would be seen.
class Numbers {
 public:
  std::uint64_t next() { return ++last_; }
  Value value() { return Value::of(next()); }
  template <class Array>
  void fill(Array& values) {
    for (Value& value : values) value = this->value();
  }

 private:
  std::uint64_t last_ = 1000;
};

void fill(kernel::PressureReading& reading, Numbers& numbers) {
  for (kernel::PressureLine* line : {&reading.some, &reading.full}) {
    line->avg10_percent = Value::of_real(static_cast<double>(numbers.next()) / 8);
    line->avg60_percent = Value::of_real(static_cast<double>(numbers.next()) / 8);
    line->avg300_percent = Value::of_real(static_cast<double>(numbers.next()) / 8);
    line->total_us = numbers.value();
  }
}

kernel::InterfaceReading interface(const std::string& name, Numbers& numbers) {
  kernel::InterfaceReading reading;
  reading.name = name;
  for (std::uint64_t& counter : reading.counters) counter = numbers.next();
  return reading;
}

kernel::DiskReading disk(const std::string& name, std::size_t counter_count, Numbers& numbers) {
  kernel::DiskReading reading;
  reading.name = name;
  reading.counter_count = counter_count;
  for (std::size_t i = 0; i < counter_count; ++i) reading.counters[i] = numbers.next();
  return reading;
}

MachineReading full_reading(Numbers& numbers) {
  MachineReading reading;
  numbers.fill(reading.memory.kib);
  numbers.fill(reading.cpu.all.ticks);
  for (const unsigned number : {0u, 1u, 3u}) {
    reading.cpu.each.push_back({number, {}});
    numbers.fill(reading.cpu.each.back().times.ticks);
  }
  for (Value* value : {&reading.cpu.interrupts, &reading.cpu.context_switches, &reading.cpu.boot_time_s,
                       &reading.cpu.forks, &reading.cpu.processes_running, &reading.cpu.processes_blocked})
    *value = numbers.value();
  numbers.fill(reading.vm.values);
  reading.uptime = {Value::of_real(12.5), Value::of_real(0.25), Value::of_real(0.5), Value::of_real(0.75)};
  fill(reading.cpu_pressure, numbers);
  fill(reading.memory_pressure, numbers);
  fill(reading.io_pressure, numbers);
  reading.swap_devices = {{"/dev/sda2", {}, numbers.next(), numbers.next(), -2},
                          {"/a file\n\"\\", {}, numbers.next(), numbers.next(), 5}};
  numbers.fill(reading.ksm.values);
  reading.ksm.values.back() = Value::of_signed(-4096);
  numbers.fill(reading.network.values);
  reading.interfaces = {interface("lo", numbers), interface("eth0", numbers)};
  reading.disks = {disk("sda", 17, numbers), disk("sda1", 11, numbers)};
  reading.page_size_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  reading.ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return reading;
}

void expect_same(const kernel::PressureReading& a, const kernel::PressureReading& b) {
  for (const auto line : {&kernel::PressureReading::some, &kernel::PressureReading::full}) {
    EXPECT_EQ((a.*line).avg10_percent, (b.*line).avg10_percent);
    EXPECT_EQ((a.*line).avg60_percent, (b.*line).avg60_percent);
    EXPECT_EQ((a.*line).avg300_percent, (b.*line).avg300_percent);
    EXPECT_EQ((a.*line).total_us, (b.*line).total_us);
  }
}

void expect_same(const MachineReading& a, const MachineReading& b) {
  EXPECT_EQ(a.memory.kib, b.memory.kib);
  EXPECT_EQ(a.cpu.all.ticks, b.cpu.all.ticks);
  ASSERT_EQ(a.cpu.each.size(), b.cpu.each.size());
  for (std::size_t i = 0; i < a.cpu.each.size(); ++i) {
    EXPECT_EQ(a.cpu.each[i].number, b.cpu.each[i].number);
    EXPECT_EQ(a.cpu.each[i].times.ticks, b.cpu.each[i].times.ticks);
  }
  EXPECT_EQ(a.cpu.interrupts, b.cpu.interrupts);
  EXPECT_EQ(a.cpu.context_switches, b.cpu.context_switches);
  EXPECT_EQ(a.cpu.boot_time_s, b.cpu.boot_time_s);
  EXPECT_EQ(a.cpu.forks, b.cpu.forks);
  EXPECT_EQ(a.cpu.processes_running, b.cpu.processes_running);
  EXPECT_EQ(a.cpu.processes_blocked, b.cpu.processes_blocked);
  EXPECT_EQ(a.vm.values, b.vm.values);
  EXPECT_EQ(a.uptime.uptime_s, b.uptime.uptime_s);
  EXPECT_EQ(a.uptime.load_15_minutes, b.uptime.load_15_minutes);
  expect_same(a.cpu_pressure, b.cpu_pressure);
  expect_same(a.memory_pressure, b.memory_pressure);
  expect_same(a.io_pressure, b.io_pressure);
  ASSERT_EQ(a.swap_devices.size(), b.swap_devices.size());
  for (std::size_t i = 0; i < a.swap_devices.size(); ++i) {
    EXPECT_EQ(a.swap_devices[i].path, b.swap_devices[i].path);
    EXPECT_EQ(a.swap_devices[i].size_kib, b.swap_devices[i].size_kib);
    EXPECT_EQ(a.swap_devices[i].used_kib, b.swap_devices[i].used_kib);
    EXPECT_EQ(a.swap_devices[i].priority, b.swap_devices[i].priority);
  }
  EXPECT_EQ(a.ksm.values, b.ksm.values);
  EXPECT_EQ(a.network.values, b.network.values);
  ASSERT_EQ(a.interfaces.size(), b.interfaces.size());
  for (std::size_t i = 0; i < a.interfaces.size(); ++i) {
    EXPECT_EQ(a.interfaces[i].name, b.interfaces[i].name);
    EXPECT_EQ(a.interfaces[i].counters, b.interfaces[i].counters);
  }
  ASSERT_EQ(a.disks.size(), b.disks.size());
  for (std::size_t i = 0; i < a.disks.size(); ++i) {
    EXPECT_EQ(a.disks[i].name, b.disks[i].name);
    EXPECT_EQ(a.disks[i].counter_count, b.disks[i].counter_count);
    EXPECT_EQ(a.disks[i].counters, b.disks[i].counters);
  }
  EXPECT_EQ(a.page_size_bytes, b.page_size_bytes);
  EXPECT_EQ(a.ticks_per_second, b.ticks_per_second);
}

class MachineSeriesTest : public ::testing::Test {
 protected:
  Sample put(const MachineReading& reading) {
    Sample sample;
    writer_.put(reading, sample);
    return sample;
  }
  MachineReading take(const Sample& sample) {
    reader_.take(sample, taken_);  // the same reading each time, as replays do
    return taken_;
  }

  SeriesTable table_;
  MachineSeries writer_{table_, Parts::all()};
  MachineSeries reader_{table_, Parts::all()};
  MachineReading taken_;
  Numbers numbers_;
};

TEST_F(MachineSeriesTest, WhatGoesInComesOut) {
  const MachineReading reading = full_reading(numbers_);
  expect_same(reading, take(put(reading)));
  const MachineReading later = full_reading(numbers_);
  expect_same(later, take(put(later)));
}

TEST_F(MachineSeriesTest, ReasonsComeOutToo) {
  MachineReading reading = full_reading(numbers_);
  reading.memory.kib[3] = Missing::malformed;
  reading.cpu.all.ticks[7] = Missing::not_supported;
  reading.vm.values[5] = Missing::not_permitted;
  reading.memory_pressure.full.total_us = Missing::vanished;
  const MachineReading again = take(put(reading));
  expect_same(reading, again);
  EXPECT_EQ(again.vm.values[5].reason(), Missing::not_permitted);
}

TEST_F(MachineSeriesTest, ThingsComeAndGo) {
  MachineReading reading = full_reading(numbers_);
  expect_same(reading, take(put(reading)));
  // An interface, a disk, a swap area and a CPU vanish; others come.
  reading.interfaces = {interface("eth0", numbers_), interface("wg0", numbers_)};
  reading.disks = {disk("sda", 17, numbers_), disk("sdb", 15, numbers_)};
  reading.swap_devices.erase(reading.swap_devices.begin());
  reading.cpu.each.erase(reading.cpu.each.begin() + 1);
  expect_same(reading, take(put(reading)));
  reading.interfaces = {interface("wg0", numbers_)};
  reading.disks.clear();
  reading.swap_devices.clear();
  expect_same(reading, take(put(reading)));
  // A CPU that is new stands between the others.
  reading.cpu.each.insert(reading.cpu.each.begin() + 1, kernel::CpuReading::One{2, {}});
  numbers_.fill(reading.cpu.each[1].times.ticks);
  expect_same(reading, take(put(reading)));
}

TEST_F(MachineSeriesTest, PointsAreInOrderAndOneToASeries) {
  MachineReading reading = full_reading(numbers_);
  reading.interfaces.push_back(interface("eth0", numbers_));  // twice the same name
  const Sample sample = put(reading);
  const auto not_ascending = [](const record::Point& a, const record::Point& b) {
    return a.series >= b.series;
  };
  EXPECT_EQ(std::adjacent_find(sample.points.begin(), sample.points.end(), not_ascending),
            sample.points.end());
}

TEST_F(MachineSeriesTest, ASampleWithoutAnythingIsMissingThroughout) {
  take(put(full_reading(numbers_)));
  const MachineReading empty = take(Sample());
  for (const Value& value : empty.memory.kib) EXPECT_TRUE(value.is_missing());
  for (const Value& value : empty.vm.values) EXPECT_TRUE(value.is_missing());
  EXPECT_TRUE(empty.interfaces.empty());
  EXPECT_TRUE(empty.disks.empty());
  EXPECT_TRUE(empty.swap_devices.empty());
  EXPECT_TRUE(empty.cpu.each.empty());
}

TEST(MachineSeries, UsesTheUnitsOfTheMachineThatRecorded) {
  SeriesTable table;
  // A machine with pages of 64 KiB and ticks of 1/1000 s, then one that says nonsense.
  for (const Family family : {Family::cpu, Family::vm_counters}) {
    for (record::MetricDescriptor metric : family_metrics(family)) {
      if (family == Family::cpu) metric.scale = 0.001;
      if (family == Family::vm_counters) metric.scale = 65536;
      table.intern(metric);
    }
  }
  MachineSeries series(table, Parts::all());
  MachineReading reading;
  series.take(Sample(), reading);
  EXPECT_EQ(reading.ticks_per_second, 1000u);
  EXPECT_EQ(reading.page_size_bytes, 65536u);
}

TEST(MachineSeries, NonsenseUnitsDoNoHarm) {
  for (const double scale : {0.0, -1.0, 1e300, 1e-300}) {
    SeriesTable table;
    for (const Family family : {Family::cpu, Family::vm_counters}) {
      for (record::MetricDescriptor metric : family_metrics(family)) {
        metric.scale = scale;
        table.intern(metric);
      }
    }
    MachineSeries series(table, Parts::all());
    MachineReading reading;
    series.take(Sample(), reading);
    EXPECT_GE(reading.ticks_per_second, 1u);
    EXPECT_GE(reading.page_size_bytes, 1u);
  }
}

TEST(MachineSeries, AFullTableLeavesOutWhatHasNoRoom) {
  SeriesTable table;
  record::MetricDescriptor filler;
  for (std::size_t i = 0; i < SeriesTable::kLimit; ++i) {
    filler.name = "filler_" + std::to_string(i);
    table.intern(filler);
  }
  Numbers numbers;
  MachineSeries series(table, Parts::all());
  Sample sample;
  series.put(full_reading(numbers), sample);
  EXPECT_TRUE(sample.points.empty());
  EXPECT_GT(table.refused(), 0u);
}

TEST(MachineMetrics, HaveDistinctNamesAndAHelp) {
  std::set<std::string> names;
  for (const record::MetricDescriptor& metric : machine_metrics()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_FALSE(metric.help.empty()) << metric.name;
    EXPECT_FALSE(metric.help.ends_with('.')) << metric.name;
    EXPECT_FALSE(metric.title.empty()) << metric.name;
    EXPECT_GT(metric.scale, 0) << metric.name;
    // OpenMetrics adds the prefix and _total.
    EXPECT_FALSE(metric.name.starts_with("isotach_") || metric.name.ends_with("_total")) << metric.name;
  }
}

TEST(MachineReader, ReadsThisMachineWholeAndAgain) {
  MachineReader reader(kernel::SystemRoot(), Parts::all());
  MachineReading reading;
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(reader.read(reading));
  EXPECT_GT(reading.memory.number(kernel::MemoryField::total), 0u);
  EXPECT_FALSE(reading.cpu.each.empty());
  SeriesTable table;
  MachineSeries series(table, Parts::all());
  Sample sample;
  series.put(reading, sample);
  MachineReading again;
  series.take(sample, again);
  EXPECT_EQ(again.memory.kib, reading.memory.kib);
  EXPECT_EQ(again.vm.values, reading.vm.values);
  EXPECT_EQ(again.interfaces.size(), reading.interfaces.size());
}

TEST(MachineReader, FailsOnlyWhereNothingCanBeRead) {
  MachineReading reading;
  const auto failed = MachineReader(kernel::SystemRoot("/nonexistent"), Parts::all()).read(reading);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().errno_value, ENOENT);
  Parts optional;
  optional.pressure = optional.ksm = optional.interfaces = optional.disks = optional.swap_devices = true;
  EXPECT_TRUE(MachineReader(kernel::SystemRoot("/nonexistent"), optional).read(reading));
  EXPECT_TRUE(reading.interfaces.empty());
}

}  // namespace
}  // namespace isotach::machine
