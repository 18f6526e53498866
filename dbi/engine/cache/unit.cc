#include "engine/cache/unit.h"

#include "engine/decode/scan.h"

namespace isotach::dbi {

UnitPlace place_in(const Unit& unit, uint16_t code_offset) {
  UnitPlace place;
  const MapEntry* entry = nullptr;
  for (uint32_t i = 0; i < unit.map_count && unit.map[i].code_offset <= code_offset; ++i)
    entry = &unit.map[i];
  if (entry == nullptr) return place;
  place.found = true;
  place.pc_offset = entry->pc_offset;
  place.state = entry->state;
  if (entry->state != kCopied) {
    place.is_boundary = (entry->state & kBoundary) != 0 && entry->code_offset == code_offset;
    return place;
  }
  place.state = kBoundary;
  unsigned at = entry->code_offset;
  while (true) {
    const uint8_t* bytes = unit.code + at;
    const Scan scan = scan_instruction(bytes, kScanBytes, reinterpret_cast<uint64_t>(bytes));
    if (at + scan.length > code_offset || scan.length == 0) break;
    at += scan.length;
  }
  place.pc_offset = static_cast<uint16_t>(entry->pc_offset + (at - entry->code_offset));
  place.is_boundary = at == code_offset;
  return place;
}

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
