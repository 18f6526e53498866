// The machine at one moment, as the kernel's files gave it: what the overview, vm, record, web and
// agent all start from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/cpu_stat.h"
#include "kernel/disks.h"
#include "kernel/interfaces.h"
#include "kernel/ksm.h"
#include "kernel/links.h"
#include "kernel/meminfo.h"
#include "kernel/network_counters.h"
#include "kernel/pressure.h"
#include "kernel/swap_devices.h"
#include "kernel/system_root.h"
#include "kernel/uptime.h"
#include "kernel/vm_counters.h"

namespace isotach::machine {

// Which files are read; a reader for one row of vm must not pay for the rest.
struct Parts {
  bool memory = false;
  bool cpu = false;
  bool each_cpu = false;
  bool vm_counters = false;
  bool uptime = false;
  bool pressure = false;
  bool swap_devices = false;
  bool ksm = false;
  bool interfaces = false;
  bool disks = false;
  bool links = false;  // of the interfaces, which must be read too
  bool network = false;

  [[nodiscard]] static constexpr Parts all() {
    return {true, true, true, true, true, true, true, true, true, true, true, true};
  }
};

struct MachineReading {
  kernel::MemoryReading memory;
  kernel::CpuReading cpu;
  kernel::VmCounterReading vm;
  kernel::UptimeReading uptime;
  kernel::PressureReading cpu_pressure, memory_pressure, io_pressure;
  std::vector<kernel::SwapDevice> swap_devices;
  kernel::KsmReading ksm;
  std::vector<kernel::InterfaceReading> interfaces;
  std::vector<kernel::DiskReading> disks;
  std::vector<kernel::LinkReading> links;
  kernel::NetworkReading network;
  std::uint64_t page_size_bytes = 4096;
  std::uint64_t ticks_per_second = 100;  // USER_HZ: the unit of CpuTimes
};

class MachineReader {
 public:
  MachineReader(const kernel::SystemRoot& root, Parts parts);

  // Reads all parts; the strings and vectors of `reading` are used again. Fails when a file that
  // every Linux has (meminfo, stat, vmstat) cannot be read and its part was asked for. Where
  // optional files are missing their values are missing.
  [[nodiscard]] Result<void> read(MachineReading& reading);

 private:
  Parts parts_;
  kernel::MemoryReader memory_;
  kernel::CpuReader cpu_;
  kernel::VmCounterReader vm_;
  kernel::UptimeReader uptime_;
  kernel::PressureReader cpu_pressure_, memory_pressure_, io_pressure_;
  kernel::SwapDeviceReader swap_devices_;
  kernel::KsmReader ksm_;
  kernel::InterfaceReader interfaces_;
  kernel::DiskReader disks_;
  kernel::LinkReader links_;
  kernel::NetworkReader network_;
};

}  // namespace isotach::machine
