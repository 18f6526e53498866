// What one vm sample is made of, and how it is read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/block_devices.h"
#include "kernel/slabinfo.h"
#include "machine/reading.h"
#include "memory/vm/columns.h"

namespace isotach::memory {

struct VmReading {
  machine::MachineReading machine;
  // Which entries of machine.disks are whole disks; all of them where /sys/block cannot be read.
  std::vector<bool> disk_is_whole;
  std::vector<kernel::SlabCache> slabs;
};

// The files that a mode needs.
[[nodiscard]] machine::Parts vm_parts(VmMode mode, bool pressure);

class VmReader {
 public:
  // `uptime`: read the time since boot too, for the averages of a first row.
  VmReader(const kernel::SystemRoot& root, VmMode mode, bool pressure, bool uptime);

  // Reads into `reading`, whose strings and vectors are used again.
  [[nodiscard]] Result<void> read(VmReading& reading);

 private:
  VmMode mode_;
  machine::MachineReader machine_;
  std::optional<kernel::UptimeReader> uptime_;
  kernel::DiskReader disks_;
  kernel::WholeDiskReader whole_disks_;
  std::vector<std::string> whole_disk_names_;
  kernel::SlabReader slabs_;
};

}  // namespace isotach::memory
