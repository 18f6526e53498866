#include "engine/cache/unit.h"

#include <algorithm>

#include "engine/decode/scan.h"
#include "engine/dispatch/context.h"

namespace isotach::dbi {
namespace {

// What lahf and seto al left, as flags.
uint64_t flags_of(uint64_t lahf) {
  constexpr uint64_t kOverflow = 0x800;
  return (lahf >> 8 & 0xd5) | ((lahf & 1) != 0 ? kOverflow : 0);
}

void take_back_borrowed(ThreadContext& context, const UnitExtras& unit, uint16_t code_offset) {
  constexpr uint64_t kStatus = 0x8d5;
  for (uint32_t i = 0; i < unit.borrowed_count; ++i) {
    const Borrowed& one = unit.borrowed[i];
    if (code_offset < one.begin || code_offset >= one.end) continue;
    if (one.reg == kBorrowedFlags) {
      context.flags = (context.flags & ~kStatus) | flags_of(context.borrowed[one.reg]);
    } else {
      context.registers[one.reg] = context.borrowed[one.reg];
    }
  }
}

// Of an instruction that is begun again its records are made again.
void count_records(ThreadContext& context, const UnitExtras& unit, uint16_t code_offset, uint16_t pc_offset,
                   Leaving leaving) {
  for (uint32_t i = 0; i < unit.record_group_count; ++i) {
    const RecordGroup& group = unit.record_groups[i];
    uint64_t done = 0, own = 0;
    for (uint32_t k = 0; k < group.records; ++k) {
      if (group.pc_offsets[k] < pc_offset) ++done;
      if (group.pc_offsets[k] == pc_offset) ++own;
    }
    uint64_t& next = context.buffers[2 * group.buffer];
    if (code_offset >= group.begin && code_offset < group.end) {
      next += (leaving == Leaving::in_fault ? done + own : done) * group.record_bytes;
    } else if (leaving == Leaving::to_restart && code_offset >= group.end) {
      next -= own * group.record_bytes;
    }
  }
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

}  // namespace

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

bool begins_block(const Unit& unit, uint16_t pc_offset) {
  if (unit.extras == nullptr || unit.extras->block_count == 0) return true;
  const uint16_t* const blocks = unit.extras->blocks;
  return std::find(blocks, blocks + unit.extras->block_count, pc_offset) != blocks + unit.extras->block_count;
}

uint64_t end_of_block(const Unit& unit, uint16_t pc_offset) {
  const uint64_t end = unit.pc_end - unit.pc;
  if (unit.extras == nullptr) return end;
  for (uint32_t i = 0; i < unit.extras->block_count; ++i) {
    if (unit.extras->blocks[i] > pc_offset) return unit.extras->blocks[i];
  }
  return end;
}

uint64_t routine_at(const Unit& unit, uint16_t code_offset) {
  if (unit.extras == nullptr) return 0;
  for (uint32_t i = 0; i < unit.extras->tool_code_count; ++i) {
    const ToolCode& one = unit.extras->tool_code[i];
    if (code_offset >= one.begin && code_offset < one.end) return one.routine;
  }
  return 0;
}

void settle(ThreadContext& context, const Unit& unit, uint16_t code_offset, uint16_t pc_offset,
            Leaving leaving) {
  take_back_counts(unit, pc_offset, leaving);
  if (unit.extras == nullptr) return;
  count_records(context, *unit.extras, code_offset, pc_offset, leaving);
  take_back_borrowed(context, *unit.extras, code_offset);
}

}  // namespace isotach::dbi
