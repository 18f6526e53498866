// Where a thread may leave translated code, so that what is counted by basic blocks is counted once.
//
// Calls that were planned for a block are made at its head. A thread that left in its midst, for a signal, or
// because a write of its own made the engine forget the unit, would go on in a new block, for which they are
// made again. So when a tool looks, a thread leaves where a block begins. One that has written to its own
// unit's page runs the forgotten unit on, as long as what is left of the block is what it was.
//
// Thread rules: a BlockRest belongs to its thread; its functions may be called in a signal handler.
#pragma once

#include <cstddef>
#include <cstdint>

namespace isotach::dbi {

struct Unit;

class BlockRest {
 public:
  // The thread is at the program's instruction `pc` of a unit that is forgotten, and is to run on until its
  // block ends; `next` is the instruction behind.
  void begin(const Unit& unit, uint64_t pc, uint64_t next);
  void end() {
    unit_ = nullptr;
    boundaries_ = 0;
  }
  // The thread has come to a boundary between two instructions, before `pc`. True: it may leave here.
  bool may_leave_at(const Unit& unit, uint64_t pc);

 private:
  static constexpr size_t kMostBytes = 1024;

  bool is_changed() const;

  const Unit* unit_ = nullptr;  // null: the thread wants to leave at the next block
  uint64_t pc_ = 0, next_ = 0, end_ = 0;
  uint32_t boundaries_ = 0;  // passed since
  uint8_t bytes_[kMostBytes] = {};
};

}  // namespace isotach::dbi
