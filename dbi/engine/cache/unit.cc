#include "engine/cache/unit.h"

namespace isotach::dbi {

void take_back_counts(const Unit& unit, uint16_t pc_offset, Leaving leaving) {
  for (uint32_t i = 0; i < unit.shared_count_count; ++i) {
    const SharedCount& shared = unit.shared_counts[i];
    if (pc_offset < shared.first_pc_offset || pc_offset > shared.last_pc_offset) continue;
    // Nothing was added yet.
    if (leaving == Leaving::at_boundary && pc_offset == shared.first_pc_offset) continue;
    const uint32_t from = leaving == Leaving::in_fault ? pc_offset + 1u : pc_offset;
    int64_t instructions = 0;
    int32_t last_counted = -1;
    for (uint32_t k = 0; k < unit.map_count; ++k) {
      const MapEntry& entry = unit.map[k];
      if ((entry.state & kBoundary) == 0 || entry.pc_offset == last_counted) continue;
      if (entry.pc_offset < from || entry.pc_offset > shared.last_pc_offset) continue;
      last_counted = entry.pc_offset;
      ++instructions;
    }
    *reinterpret_cast<uint64_t*>(shared.counter) -= static_cast<uint64_t>(instructions * shared.addend);
  }
}

}  // namespace isotach::dbi
