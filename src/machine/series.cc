#include "machine/series.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

namespace isotach::machine {
namespace {

using kernel::MemoryField;

constexpr std::size_t index_of(Family family) {
  return static_cast<std::size_t>(family);
}

// used, cache and swap used are differences and sums of what the kernel gives; missing when one of
// their parts is.
Value difference(const Value& whole, const Value& part) {
  if (whole.is_missing()) return whole;
  if (part.is_missing()) return part;
  const std::uint64_t a = whole.as_unsigned();
  const std::uint64_t b = part.as_unsigned();
  return Value::of(a > b ? a - b : 0);
}

Value used_kib(const kernel::MemoryReading& memory) {
  // free(1): total less available; total less free where "available" is missing or absurd.
  const Value& available = memory[MemoryField::available];
  const bool usable = !available.is_missing() && available.as_unsigned() <= memory.number(MemoryField::total);
  return difference(memory[MemoryField::total], usable ? available : memory[MemoryField::free]);
}

Value cache_kib(const kernel::MemoryReading& memory) {
  const Value& cached = memory[MemoryField::cached];
  if (cached.is_missing()) return cached;
  return Value::of(cached.as_unsigned() + memory.number(MemoryField::slab_reclaimable));
}

template <class Array>
void append(std::vector<Value>& values, const Array& from) {
  values.insert(values.end(), from.begin(), from.end());
}

void append_pressure(std::vector<Value>& values, const kernel::PressureReading& reading) {
  for (const kernel::PressureLine* line : {&reading.some, &reading.full})
    append(values,
           std::array{line->avg10_percent, line->avg60_percent, line->avg300_percent, line->total_us});
}

void take_pressure(std::span<const Value> values, kernel::PressureReading& reading) {
  std::size_t at = 0;
  for (kernel::PressureLine* line : {&reading.some, &reading.full}) {
    line->avg10_percent = values[at++];
    line->avg60_percent = values[at++];
    line->avg300_percent = values[at++];
    line->total_us = values[at++];
  }
}

constexpr std::size_t kPressureValueCount = 8;

}  // namespace

MachineSeries::MachineSeries(record::SeriesTable& table, Parts parts) : table_(table), parts_(parts) {}

const MachineSeries::Ids& MachineSeries::ids(Family family, const std::string& label_value) {
  auto& known = ids_[index_of(family)];
  if (const auto found = known.find(label_value); found != known.end()) return found->second;
  record::Labels labels;
  if (const std::string_view label = family_label(family); !label.empty())
    labels.emplace_back(label, label_value);
  Ids fresh;
  for (const record::MetricDescriptor& metric : family_metrics(family))
    fresh.push_back(table_.intern(metric, labels));
  // Where the table is full, names that come and go without end (containers) must not be kept either.
  if (!fresh.front()) return refused_ids_ = std::move(fresh);
  return known.emplace(label_value, std::move(fresh)).first->second;
}

void MachineSeries::put_values(Family family, const std::string& label_value, record::Sample& sample) {
  const Ids& series = ids(family, label_value);
  for (std::size_t i = 0; i < values_.size(); ++i)
    if (series[i]) sample.points.push_back({*series[i], values_[i]});
  values_.clear();
}

void MachineSeries::put(const MachineReading& reading, record::Sample& sample) {
  static const std::string kNone;
  values_.clear();
  if (parts_.memory) {
    append(values_, reading.memory.kib);
    values_.push_back(used_kib(reading.memory));
    values_.push_back(cache_kib(reading.memory));
    values_.push_back(
        difference(reading.memory[MemoryField::swap_total], reading.memory[MemoryField::swap_free]));
    put_values(Family::memory, kNone, sample);
  }
  if (parts_.cpu) {
    append(values_, reading.cpu.all.ticks);
    put_values(Family::cpu, kNone, sample);
    const kernel::CpuReading& cpu = reading.cpu;
    append(values_, std::array{cpu.interrupts, cpu.context_switches, cpu.boot_time_s, cpu.forks,
                               cpu.processes_running, cpu.processes_blocked});
    put_values(Family::scheduler, kNone, sample);
  }
  if (parts_.each_cpu) {
    for (const kernel::CpuReading::One& one : reading.cpu.each) {
      append(values_, one.times.ticks);
      label_ = std::to_string(one.number);
      put_values(Family::each_cpu, label_, sample);
    }
  }
  if (parts_.vm_counters) {
    append(values_, reading.vm.values);
    put_values(Family::vm_counters, kNone, sample);
  }
  if (parts_.uptime) {
    const kernel::UptimeReading& uptime = reading.uptime;
    append(values_,
           std::array{uptime.uptime_s, uptime.load_1_minute, uptime.load_5_minutes, uptime.load_15_minutes});
    put_values(Family::uptime, kNone, sample);
  }
  if (parts_.pressure) {
    append_pressure(values_, reading.cpu_pressure);
    append_pressure(values_, reading.memory_pressure);
    append_pressure(values_, reading.io_pressure);
    put_values(Family::pressure, kNone, sample);
  }
  if (parts_.swap_devices) {
    for (const kernel::SwapDevice& device : reading.swap_devices) {
      append(values_, std::array{Value::of(device.size_kib), Value::of(device.used_kib),
                                 Value::of_signed(device.priority)});
      put_values(Family::swap_device, device.path, sample);
    }
  }
  if (parts_.ksm) {
    append(values_, reading.ksm.values);
    put_values(Family::ksm, kNone, sample);
  }
  if (parts_.interfaces) {
    for (const kernel::InterfaceReading& interface : reading.interfaces) {
      for (const std::uint64_t counter : interface.counters) values_.push_back(Value::of(counter));
      put_values(Family::interface, interface.name, sample);
    }
  }
  if (parts_.disks) {
    for (const kernel::DiskReading& disk : reading.disks) {
      for (std::size_t i = 0; i < disk.counters.size(); ++i)
        values_.push_back(i < disk.counter_count ? Value::of(disk.counters[i])
                                                 : Value(Missing::not_supported));
      put_values(Family::disk, disk.name, sample);
    }
  }
  if (parts_.links) {
    for (const kernel::LinkReading& link : reading.links) {
      append(values_, std::array{link.up, link.enabled, link.physical, link.speed_mbit_s, link.full_duplex});
      put_values(Family::link, link.interface, sample);
    }
  }
  if (parts_.network) {
    append(values_, reading.network.values);
    put_values(Family::network, kNone, sample);
  }
  sample.sort();
  // Two things of the same name are one series; a file that lists a name twice must not put it twice.
  const auto same = [](const record::Point& a, const record::Point& b) { return a.series == b.series; };
  sample.points.erase(std::unique(sample.points.begin(), sample.points.end(), same), sample.points.end());
}

const std::vector<std::string>& MachineSeries::label_values(Family family) {
  for (; scanned_series_ < table_.size(); ++scanned_series_) {
    const record::Series& series = table_.at(static_cast<record::SeriesId>(scanned_series_));
    if (series.labels.size() != 1) continue;
    for (std::size_t i = 0; i < kFamilyCount; ++i) {
      // A family's first metric stands for the family.
      const auto candidate = static_cast<Family>(i);
      if (series.metric.name == family_metrics(candidate).front().name)
        label_values_[i].push_back(series.labels.front().second);
    }
  }
  return label_values_[index_of(family)];
}

// Fills values_ in the family's order; false when the sample has none of them.
bool MachineSeries::take_values(Family family, const std::string& label_value, const record::Sample& sample) {
  const Ids& series = ids(family, label_value);
  values_.assign(series.size(), Value(Missing::not_supported));
  bool any = false;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const Value* value = series[i] ? sample.find(*series[i]) : nullptr;
    if (value == nullptr) continue;
    values_[i] = *value;
    any = true;
  }
  return any;
}

void MachineSeries::take(const record::Sample& sample, MachineReading& reading) {
  static const std::string kNone;
  // The units of the machine that recorded are in the recorded descriptors, as base units per step.
  const auto scale = [&](Family family, std::size_t index) {
    const Ids& series = ids(family, kNone);
    return series[index] ? table_.at(*series[index]).metric.scale : 0.0;
  };
  // A recording may say anything.
  const auto whole = [](double number, std::uint64_t otherwise) {
    return number >= 1 && number <= 1e12 ? static_cast<std::uint64_t>(std::llround(number)) : otherwise;
  };
  if (parts_.memory) {
    take_values(Family::memory, kNone, sample);
    std::copy_n(values_.begin(), reading.memory.kib.size(), reading.memory.kib.begin());
  }
  if (parts_.cpu) {
    take_values(Family::cpu, kNone, sample);
    std::copy_n(values_.begin(), reading.cpu.all.ticks.size(), reading.cpu.all.ticks.begin());
    reading.ticks_per_second = whole(1.0 / scale(Family::cpu, 0), MachineReading{}.ticks_per_second);
    take_values(Family::scheduler, kNone, sample);
    reading.cpu.interrupts = values_[0];
    reading.cpu.context_switches = values_[1];
    reading.cpu.boot_time_s = values_[2];
    reading.cpu.forks = values_[3];
    reading.cpu.processes_running = values_[4];
    reading.cpu.processes_blocked = values_[5];
  }
  if (parts_.each_cpu) {
    reading.cpu.each.clear();
    for (const std::string& label : label_values(Family::each_cpu)) {
      if (!take_values(Family::each_cpu, label, sample)) continue;
      kernel::CpuReading::One& one = reading.cpu.each.emplace_back();
      std::from_chars(label.data(), label.data() + label.size(), one.number);
      std::copy_n(values_.begin(), one.times.ticks.size(), one.times.ticks.begin());
    }
    // A CPU that came online later was recorded later, but stands between the others.
    std::sort(reading.cpu.each.begin(), reading.cpu.each.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
  }
  if (parts_.vm_counters) {
    take_values(Family::vm_counters, kNone, sample);
    std::copy_n(values_.begin(), reading.vm.values.size(), reading.vm.values.begin());
    const auto swapped_in = static_cast<std::size_t>(kernel::VmCounter::swapped_in_pages);
    reading.page_size_bytes = whole(scale(Family::vm_counters, swapped_in), MachineReading{}.page_size_bytes);
  }
  if (parts_.uptime) {
    take_values(Family::uptime, kNone, sample);
    reading.uptime = {values_[0], values_[1], values_[2], values_[3]};
  }
  if (parts_.pressure) {
    take_values(Family::pressure, kNone, sample);
    const std::span<const Value> values(values_);
    take_pressure(values.subspan(0, kPressureValueCount), reading.cpu_pressure);
    take_pressure(values.subspan(kPressureValueCount, kPressureValueCount), reading.memory_pressure);
    take_pressure(values.subspan(2 * kPressureValueCount), reading.io_pressure);
  }
  if (parts_.swap_devices) {
    reading.swap_devices.clear();
    for (const std::string& label : label_values(Family::swap_device)) {
      if (!take_values(Family::swap_device, label, sample)) continue;
      reading.swap_devices.push_back({label,
                                      {},
                                      values_[0].as_unsigned(),
                                      values_[1].as_unsigned(),
                                      static_cast<int>(values_[2].as_signed())});
    }
  }
  if (parts_.ksm) {
    take_values(Family::ksm, kNone, sample);
    std::copy_n(values_.begin(), reading.ksm.values.size(), reading.ksm.values.begin());
  }
  if (parts_.interfaces) {
    reading.interfaces.clear();
    for (const std::string& label : label_values(Family::interface)) {
      if (!take_values(Family::interface, label, sample)) continue;
      kernel::InterfaceReading& interface = reading.interfaces.emplace_back();
      interface.name = label;
      for (std::size_t i = 0; i < interface.counters.size(); ++i)
        interface.counters[i] = values_[i].as_unsigned();
    }
  }
  if (parts_.disks) {
    reading.disks.clear();
    for (const std::string& label : label_values(Family::disk)) {
      if (!take_values(Family::disk, label, sample)) continue;
      kernel::DiskReading& disk = reading.disks.emplace_back();
      disk.name = label;
      while (disk.counter_count < disk.counters.size() && !values_[disk.counter_count].is_missing()) {
        disk.counters[disk.counter_count] = values_[disk.counter_count].as_unsigned();
        ++disk.counter_count;
      }
    }
  }
  if (parts_.links) {
    reading.links.clear();
    for (const std::string& label : label_values(Family::link)) {
      if (!take_values(Family::link, label, sample)) continue;
      reading.links.push_back({label, values_[0], values_[1], values_[2], values_[3], values_[4]});
    }
  }
  if (parts_.network) {
    take_values(Family::network, kNone, sample);
    std::copy_n(values_.begin(), reading.network.values.size(), reading.network.values.begin());
  }
}

MachineProbe::MachineProbe(const kernel::SystemRoot& root, record::SeriesTable& table, Parts parts)
    : reader_(root, parts), series_(table, parts) {}

std::vector<record::MetricDescriptor> MachineProbe::metrics() const {
  return machine_metrics();
}

void MachineProbe::collect(record::Sample& sample) {
  error_.reset();
  if (auto done = reader_.read(reading_); !done) {
    error_ = std::move(done.error());
    return;
  }
  series_.put(reading_, sample);
}

}  // namespace isotach::machine
