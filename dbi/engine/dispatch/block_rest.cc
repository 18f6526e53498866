#include "engine/dispatch/block_rest.h"

#include <algorithm>
#include <cstring>

#include "engine/cache/unit.h"

namespace isotach::dbi {
namespace {

// A repeated instruction that became a loop has a boundary in each repetition, and need not end soon. Past so
// many a signal is delivered in the midst of the block.
constexpr uint32_t kMostBoundaries = 1000;

}  // namespace

void BlockRest::begin(const Unit& unit, uint64_t pc, uint64_t next) {
  unit_ = &unit;
  pc_ = pc;
  next_ = next;
  const uint64_t end = unit.pc + end_of_block(unit, static_cast<uint16_t>(pc - unit.pc));
  end_ = std::min<uint64_t>(end, next + kMostBytes);
  boundaries_ = 0;
  // Nothing but the thread's own write is about to change it.
  if (next_ < end_) std::memcpy(bytes_, reinterpret_cast<const void*>(next_), end_ - next_);
}

bool BlockRest::is_changed() const {
  return next_ < end_ && std::memcmp(bytes_, reinterpret_cast<const void*>(next_), end_ - next_) != 0;
}

bool BlockRest::may_leave_at(const Unit& unit, uint64_t pc) {
  if (++boundaries_ > kMostBoundaries) return true;
  if (unit_ == nullptr) return begins_block(unit, static_cast<uint16_t>(pc - unit.pc));
  return &unit != unit_ || pc < pc_ || pc >= end_ || is_changed();
}

}  // namespace isotach::dbi
