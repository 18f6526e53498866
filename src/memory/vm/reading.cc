#include "memory/vm/reading.h"

#include <algorithm>

namespace isotach::memory {

machine::Parts vm_parts(VmMode mode, bool pressure) {
  machine::Parts parts;
  switch (mode) {
    case VmMode::row:
      parts.memory = parts.cpu = parts.vm_counters = true;
      parts.pressure = pressure;
      break;
    case VmMode::stats:
      parts.memory = parts.cpu = parts.vm_counters = true;
      break;
    case VmMode::disks:
    case VmMode::disk_sum:
    case VmMode::partition:
      parts.disks = true;
      break;
    case VmMode::forks:
      parts.cpu = true;
      break;
    case VmMode::free:
      parts.memory = true;
      break;
    case VmMode::slabs:
      break;
  }
  return parts;
}

namespace {

bool reads_disks(VmMode mode) {
  return vm_parts(mode, false).disks;
}

// MachineReader takes a machine without disks as it is; here they are what was asked for.
machine::Parts parts_but_disks(VmMode mode, bool pressure) {
  machine::Parts parts = vm_parts(mode, pressure);
  parts.disks = false;
  return parts;
}

}  // namespace

VmReader::VmReader(const kernel::SystemRoot& root, VmMode mode, bool pressure, bool uptime)
    : mode_(mode),
      machine_(root, parts_but_disks(mode, pressure)),
      disks_(root),
      whole_disks_(root),
      slabs_(root) {
  if (uptime) uptime_.emplace(root);
}

Result<void> VmReader::read(VmReading& reading) {
  if (auto done = machine_.read(reading.machine); !done) return done;
  reading.machine.uptime = {};
  if (uptime_) uptime_->read(reading.machine.uptime);
  if (mode_ == VmMode::slabs) return slabs_.read(reading.slabs);
  if (reads_disks(mode_)) {
    if (auto done = disks_.read(reading.machine.disks); !done) return done;
    const bool known = whole_disks_.read(whole_disk_names_).has_value();
    reading.disk_is_whole.clear();
    for (const kernel::DiskReading& disk : reading.machine.disks)
      reading.disk_is_whole.push_back(
          !known || std::binary_search(whole_disk_names_.begin(), whole_disk_names_.end(), disk.name));
  }
  return {};
}

}  // namespace isotach::memory
