// A healthy machine at two moments one second apart, for tests to make ill in one respect.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "doctor/diagnose.h"

namespace isotach::doctor {

inline constexpr std::uint64_t kGiBInKiB = std::uint64_t{1} << 20;

struct Patient {
  machine::MachineReading before, now;
  double elapsed_s = 1;

  Patient() {
    using kernel::MemoryField;
    for (machine::MachineReading* reading : {&before, &now}) {
      set(*reading, MemoryField::total, 8 * kGiBInKiB);
      set(*reading, MemoryField::free, 4 * kGiBInKiB);
      set(*reading, MemoryField::available, 6 * kGiBInKiB);
      set(*reading, MemoryField::swap_total, 2 * kGiBInKiB);
      set(*reading, MemoryField::swap_free, 2 * kGiBInKiB);
      set(*reading, MemoryField::dirty, 0);
      set(*reading, MemoryField::writeback, 0);
      for (auto& value : reading->vm.values) value = Value::of(1000);
      reading->vm.values[static_cast<std::size_t>(kernel::VmCounter::oom_kills)] = Value::of(0);
      for (auto* pressure : {&reading->cpu_pressure, &reading->memory_pressure, &reading->io_pressure})
        for (auto* line : {&pressure->some, &pressure->full})
          *line = {Value::of_real(0), Value::of_real(0), Value::of_real(0), Value::of(5'000'000)};
      for (auto& value : reading->ksm.values) value = Value::of(0);
      reading->cpu.processes_running = Value::of(1);
      reading->cpu.processes_blocked = Value::of(0);
      reading->cpu.each.resize(2);
      for (auto& value : reading->cpu.all.ticks) value = Value::of(10000);
    }
    cpu(kernel::CpuField::idle, 200);
  }

  static void set(machine::MachineReading& reading, kernel::MemoryField field, std::uint64_t kib) {
    reading.memory.kib[static_cast<std::size_t>(field)] = Value::of(kib);
  }
  void memory(kernel::MemoryField field, double kib) { set(now, field, static_cast<std::uint64_t>(kib)); }
  void memory(kernel::MemoryField field, Missing missing) {
    now.memory.kib[static_cast<std::size_t>(field)] = missing;
  }
  // Growth of a counter in the second between the readings.
  void vm(kernel::VmCounter counter, std::uint64_t growth) {
    const auto index = static_cast<std::size_t>(counter);
    now.vm.values[index] = Value::of(before.vm.values[index].as_unsigned() + growth);
  }
  void ksm(kernel::KsmField field, Value value) { now.ksm.values[static_cast<std::size_t>(field)] = value; }
  void cpu(kernel::CpuField field, std::uint64_t ticks) {
    const auto index = static_cast<std::size_t>(field);
    now.cpu.all.ticks[index] = Value::of(before.cpu.all.ticks[index].as_unsigned() + ticks);
  }
  // Share of the time between the readings that tasks stalled.
  void stall(kernel::PressureReading machine::MachineReading::*resource, double some, double full = 0) {
    const auto grown = [&](double share) {
      return Value::of(5'000'000 + static_cast<std::uint64_t>(share * 1e6 * elapsed_s));
    };
    (now.*resource).some.total_us = grown(some);
    (now.*resource).full.total_us = grown(full);
  }

  // An interface with `packets` received since boot and as many in the second between.
  kernel::InterfaceReading& interface(const std::string& name, std::uint64_t packets) {
    kernel::InterfaceReading reading;
    reading.name = name;
    const auto received = static_cast<std::size_t>(kernel::InterfaceCounter::receive_packets);
    const auto bytes = static_cast<std::size_t>(kernel::InterfaceCounter::receive_bytes);
    reading.counters[received] = packets;
    reading.counters[bytes] = packets * 1000;
    before.interfaces.push_back(reading);
    reading.counters[received] = 2 * packets;
    reading.counters[bytes] = 2 * packets * 1000;
    now.interfaces.push_back(reading);
    return now.interfaces.back();
  }
  kernel::LinkReading& link(const std::string& name) {
    now.links.push_back({name, Value::of(1), Value::of(1), Value::of(1), Value::of(1000), Value::of(1)});
    return now.links.back();
  }

  [[nodiscard]] Diagnosis diagnosis() const { return diagnose({before, now, elapsed_s}); }
  // "memory-low critical", in the order of the findings.
  [[nodiscard]] std::vector<std::string> findings() const {
    std::vector<std::string> names;
    for (const Finding& finding : diagnosis().findings)
      names.push_back(finding.id + ' ' + std::string(severity_name(finding.severity)));
    return names;
  }
  [[nodiscard]] bool has(const std::string& name) const {
    const auto names = findings();
    return std::find(names.begin(), names.end(), name) != names.end();
  }
};

}  // namespace isotach::doctor
