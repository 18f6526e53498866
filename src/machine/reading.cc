#include "machine/reading.h"

#include <unistd.h>

namespace isotach::machine {

MachineReader::MachineReader(const kernel::SystemRoot& root, Parts parts)
    : parts_(parts),
      memory_(root),
      cpu_(root, parts.each_cpu),
      vm_(root),
      uptime_(root),
      cpu_pressure_(root, "cpu"),
      memory_pressure_(root, "memory"),
      io_pressure_(root, "io"),
      swap_devices_(root),
      ksm_(root),
      interfaces_(root),
      disks_(root),
      links_(root),
      network_(root) {}

Result<void> MachineReader::read(MachineReading& reading) {
  reading.page_size_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  reading.ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  if (parts_.memory) {
    if (auto done = memory_.read(reading.memory); !done) return done;
  }
  if (parts_.cpu) {
    if (auto done = cpu_.read(reading.cpu); !done) return done;
  }
  if (parts_.vm_counters) {
    if (auto done = vm_.read(reading.vm); !done) return done;
  }
  if (parts_.uptime) uptime_.read(reading.uptime);
  if (parts_.pressure) {
    cpu_pressure_.read(reading.cpu_pressure);
    memory_pressure_.read(reading.memory_pressure);
    io_pressure_.read(reading.io_pressure);
  }
  // A container may hide these: then there is none, and the rest of the machine is still of interest.
  if (parts_.swap_devices) static_cast<void>(swap_devices_.read(reading.swap_devices));
  if (parts_.ksm) ksm_.read(reading.ksm);
  if (parts_.interfaces) static_cast<void>(interfaces_.read(reading.interfaces));
  if (parts_.disks) static_cast<void>(disks_.read(reading.disks));
  if (parts_.links) links_.read(reading.interfaces, reading.links);
  if (parts_.network) network_.read(reading.network);
  return {};
}

}  // namespace isotach::machine
