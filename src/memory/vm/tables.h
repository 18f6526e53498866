// The records of the modes that print counters and levels as they are: --stats, --disk, --disk-sum,
// --partition, --slabs, --forks, --free. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "memory/vm/cell.h"
#include "memory/vm/columns.h"
#include "memory/vm/reading.h"

namespace isotach::memory {

// The cells of one thing, in the order of vm_columns(mode).
struct VmRecord {
  std::string label;  // the disk, partition or slab; empty where a mode has one record
  std::vector<Cell> cells;
};

// `partition` names the device of VmMode::partition; there is no record where it is absent. Elements of
// `records` are used again. Not for VmMode::row, which needs two readings.
void make_records(VmMode mode, const VmReading& reading, std::string_view partition,
                  std::vector<VmRecord>& records);

}  // namespace isotach::memory
