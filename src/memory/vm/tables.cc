#include "memory/vm/tables.h"

#include <algorithm>
#include <array>

#include "memory/vm/gauges.h"

namespace isotach::memory {
namespace {

using kernel::CpuField;
using kernel::DiskCounter;
using kernel::DiskReading;
using kernel::MemoryField;
using kernel::VmCounter;

constexpr std::array kDiskColumns = {
    DiskCounter::reads,     DiskCounter::reads_merged,  DiskCounter::sectors_read,    DiskCounter::read_ms,
    DiskCounter::writes,    DiskCounter::writes_merged, DiskCounter::sectors_written, DiskCounter::write_ms,
    DiskCounter::in_flight, DiskCounter::io_ms,         DiskCounter::weighted_io_ms};

// Partitions of kernels before 2.6.25 had four counters, and not the first four: reads, sectors read,
// writes, sectors written.
Cell disk_cell(const DiskReading& disk, DiskCounter counter) {
  auto index = static_cast<std::size_t>(counter);
  if (disk.counter_count == 4) {
    switch (counter) {
      case DiskCounter::reads:
        index = 0;
        break;
      case DiskCounter::sectors_read:
        index = 1;
        break;
      case DiskCounter::writes:
        index = 2;
        break;
      case DiskCounter::sectors_written:
        index = 3;
        break;
      default:
        return Cell::missing(Absent::not_supported);
    }
  }
  if (index >= disk.counter_count) return Cell::missing(Absent::not_supported);
  return Cell::of(disk.counters[index]);
}

// Takes the next record, keeping its buffers.
VmRecord& next_record(std::vector<VmRecord>& records, std::size_t& used) {
  if (used == records.size()) records.emplace_back();
  VmRecord& record = records[used++];
  record.label.clear();
  record.cells.clear();
  return record;
}

void put_stats(const VmReading& reading, std::vector<Cell>& cells) {
  const machine::MachineReading& now = reading.machine;
  const auto memory = [&](MemoryField field) { cells.push_back(Cell::from(now.memory[field])); };
  const auto counter = [&](VmCounter which) { cells.push_back(Cell::from(now.vm[which])); };
  memory(MemoryField::total);
  cells.push_back(used_kib(now.memory));
  memory(MemoryField::active);
  memory(MemoryField::inactive);
  memory(MemoryField::free);
  memory(MemoryField::buffers);
  cells.push_back(cache_kib(now.memory));
  memory(MemoryField::swap_total);
  cells.push_back(swap_used_kib(now.memory));
  memory(MemoryField::swap_free);
  for (const Value& ticks : now.cpu.all.ticks) cells.push_back(Cell::from(ticks));
  counter(VmCounter::paged_in_kib);
  counter(VmCounter::paged_out_kib);
  counter(VmCounter::swapped_in_pages);
  counter(VmCounter::swapped_out_pages);
  // A zone that this machine does not have allocated nothing; a kernel without event counters tells
  // nothing at all.
  const bool counts_events = !now.vm[VmCounter::freed].is_missing();
  for (const VmCounter zone :
       {VmCounter::allocated_dma, VmCounter::allocated_dma32, VmCounter::allocated_high,
        VmCounter::allocated_movable, VmCounter::allocated_normal}) {
    Cell cell = Cell::from(now.vm[zone]);
    if (cell.absent == Absent::not_supported && counts_events) cell = Cell::of(0);
    cells.push_back(cell);
  }
  counter(VmCounter::freed);
  cells.push_back(Cell::from(now.cpu.interrupts));
  cells.push_back(Cell::from(now.cpu.context_switches));
  cells.push_back(Cell::from(now.cpu.boot_time_s));
  cells.push_back(Cell::from(now.cpu.forks));
}

void put_free(const kernel::MemoryReading& memory, std::vector<Cell>& cells) {
  cells = {Cell::from(memory[MemoryField::total]),
           used_kib(memory),
           Cell::from(memory[MemoryField::free]),
           Cell::from(memory[MemoryField::shared]),
           Cell::from(memory[MemoryField::buffers]),
           cache_kib(memory),
           buffers_and_cache_kib(memory),
           available_kib(memory),
           Cell::from(memory[MemoryField::swap_total]),
           swap_used_kib(memory),
           Cell::from(memory[MemoryField::swap_free])};
}

bool is_whole(const VmReading& reading, std::size_t index) {
  return index >= reading.disk_is_whole.size() || reading.disk_is_whole[index];
}

void put_disk_sum(const VmReading& reading, std::vector<Cell>& cells) {
  std::uint64_t disks = 0;
  std::array<Cell, kDiskColumns.size()> sums;
  sums.fill(Cell::of(0));
  for (std::size_t i = 0; i < reading.machine.disks.size(); ++i) {
    if (!is_whole(reading, i)) continue;
    ++disks;
    for (std::size_t column = 0; column < sums.size(); ++column)
      sums[column].amount = saturating_sum(sums[column].amount,
                                           disk_cell(reading.machine.disks[i], kDiskColumns[column]).amount);
  }
  cells.push_back(Cell::of(disks));
  cells.push_back(Cell::of(reading.machine.disks.size() - disks));
  cells.insert(cells.end(), sums.begin(), sums.end());
}

}  // namespace

void make_records(VmMode mode, const VmReading& reading, std::string_view partition,
                  std::vector<VmRecord>& records) {
  std::size_t used = 0;
  const std::vector<DiskReading>& disks = reading.machine.disks;
  switch (mode) {
    case VmMode::row:
      break;
    case VmMode::stats:
      put_stats(reading, next_record(records, used).cells);
      break;
    case VmMode::free:
      put_free(reading.machine.memory, next_record(records, used).cells);
      break;
    case VmMode::forks:
      next_record(records, used).cells = {Cell::from(reading.machine.cpu.forks)};
      break;
    case VmMode::disk_sum:
      put_disk_sum(reading, next_record(records, used).cells);
      break;
    case VmMode::disks:
      for (std::size_t i = 0; i < disks.size(); ++i) {
        if (!is_whole(reading, i)) continue;
        VmRecord& record = next_record(records, used);
        record.label.assign(disks[i].name);
        for (const DiskCounter counter : kDiskColumns) record.cells.push_back(disk_cell(disks[i], counter));
      }
      break;
    case VmMode::partition:
      for (const DiskReading& disk : disks) {
        if (disk.name != partition) continue;
        VmRecord& record = next_record(records, used);
        record.label.assign(disk.name);
        for (const DiskCounter counter : {DiskCounter::reads, DiskCounter::sectors_read, DiskCounter::writes,
                                          DiskCounter::sectors_written})
          record.cells.push_back(disk_cell(disk, counter));
        break;
      }
      break;
    case VmMode::slabs:
      for (const kernel::SlabCache& slab : reading.slabs) {
        VmRecord& record = next_record(records, used);
        record.label.assign(slab.name);
        record.cells = {Cell::of(slab.active_objects), Cell::of(slab.objects),
                        Cell::of(slab.object_size_bytes), Cell::of(slab.objects_per_slab),
                        Cell::of(slab.pages_per_slab)};
      }
      std::sort(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(used),
                [](const VmRecord& a, const VmRecord& b) { return a.label < b.label; });
      break;
  }
  records.resize(used);
}

}  // namespace isotach::memory
