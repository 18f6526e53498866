// One translated trace and its ways in and out.
//
// Thread rules: everything here is changed with the translation lock held; running threads only follow the
// jumps, each of which changes by one aligned store.
#pragma once

#include <cstdint>

namespace isotach::dbi {

struct Unit;
struct ThreadContext;

// A way out of translated code that the dispatcher must act on, or that jumps to another unit. There are two
// or three of each unit, so they are small. Exits and units are named by numbers of the cache's arrays; 0 is
// none.
struct Exit {
  enum class Kind : uint8_t { unused, link, system_call, emulate, prologue, changed, indirect };
  uint64_t target = 0;  // link: where the program goes; others: address of the instruction; indirect: none
  union {
    Unit* from = nullptr;  // all but prologues
    // A prologue that falls into its unit: 8 aligned bytes, the first instruction behind the comparison, that
    // can be replaced by a jump to cut_to(), which ends in the jump of `displacement`. Null once that was
    // done.
    uint8_t* cut;
  };
  uint8_t* displacement = nullptr;  // link, prologue: of the jump that is patched
  Unit* to = nullptr;               // link, prologue: the unit it goes to now
  uint32_t next_incoming = 0;       // exit; of `to`
  union {
    uint32_t next_of_unit = 0;  // exit; of `from`
    uint32_t cut_to_before;     // prologue: bytes from cut_to() to `displacement`
  };
  int32_t stub_behind = 0;  // bytes from the end of `displacement` to stub()
  Kind kind = Kind::unused;
  uint8_t length = 0;    // system_call, emulate: of the instruction
  uint16_t version = 0;  // of the trace that comes next: see plan.h

  // Where the jump goes while it has no unit.
  uint8_t* stub() const { return displacement + 4 + stub_behind; }
  void set_stub(const uint8_t* stub) { stub_behind = static_cast<int32_t>(stub - (displacement + 4)); }
  uint8_t* cut_to() const { return displacement - cut_to_before; }
};
static_assert(sizeof(Exit) == 48);

// From `code_offset` on, emitted code belongs to the program's instruction at `pc_offset`.
struct MapEntry {
  uint16_t code_offset;
  uint16_t pc_offset;
  // Which registers of the program are in slots: five bits for each of slot 0 to 2: register + 1, or 0.
  // kBoundary: here the instruction has not begun and all registers are in place.
  uint16_t state;
};
inline constexpr uint16_t kBoundary = 0x8000;
// Instructions follow that were copied as they are, but for displacements: each is a boundary, and as long as
// the program's.
inline constexpr uint16_t kCopied = 0xffff;
inline constexpr uint16_t spilled(unsigned slot, unsigned reg) {
  return static_cast<uint16_t>((reg + 1) << (5 * slot));
}

// A counter that was to go up by `addend` before each of some instructions in a row, and that emitted code
// adds to once, before the first of them. When the thread leaves among them, what was not reached is taken
// off again.
struct SharedCount {
  uint64_t counter;  // address
  int32_t addend;
  uint16_t first_pc_offset;
  uint16_t last_pc_offset;
};

// Emitted code from `begin` to before `end` has borrowed a register of the program over its instructions; its
// value is in ThreadContext::borrowed. It may never be given back, where the program overwrites it next: then
// this ends there, so that a fault before that finds it.
struct Borrowed {
  uint16_t begin;
  uint16_t end;
  uint16_t reg;  // kBorrowedFlags: the status flags, as lahf and seto left them
};
inline constexpr uint16_t kBorrowedFlags = 16;

// Records of a trace buffer that are counted together, where the last of them is written. A thread that
// leaves between has those counted that it wrote.
struct RecordGroup {
  uint16_t begin;  // code from the first record to before `end`, where they count
  uint16_t end;
  uint16_t records;
  uint8_t buffer;
  uint32_t record_bytes;
  // Of the instruction that each record belongs to, as many as there are records.
  const uint16_t* pc_offsets;
};

// An analysis routine that was written in place.
struct ToolCode {
  uint16_t begin;  // code
  uint16_t end;
  uint64_t routine;  // address
};

// What units have that a tool wanted something in.
struct UnitExtras {
  uint32_t borrowed_count;
  uint32_t record_group_count;
  uint32_t block_count;
  uint32_t tool_code_count;
  const Borrowed* borrowed;
  const RecordGroup* record_groups;
  const uint16_t* blocks;  // where each begins, as pc_offset
  const ToolCode* tool_code;
};

struct Unit {
  uint64_t pc = 0;      // first instruction
  uint64_t pc_end = 0;  // behind the last
  uint8_t* code = nullptr;
  uint32_t code_size = 0;
  uint32_t first_exit = 0;  // exit; the others by next_of_unit
  uint32_t map_count = 0;
  bool is_original = false;  // of a replaced function: found by find_original() alone
  bool is_step = false;      // of one instruction, with no way to other units: found by find_step() alone
  uint16_t version = 0;      // other than 0: found by its version too, and not by indirect branches
  bool dead = false;         // flushed: no way leads here any more, but a thread may still be inside
  uint32_t shared_count_count = 0;
  MapEntry* map = nullptr;
  SharedCount* shared_counts = nullptr;
  uint32_t incoming = 0;               // exit; the others by next_incoming
  uint32_t prologue = 0;               // exit; from the table of indirect targets
  uint32_t number = 0;                 // its own
  uint32_t next_of_page = 0;           // unit that begins in the same page of the program
  const UnitExtras* extras = nullptr;  // null: none
};

// What an address within a unit's code belongs to.
struct UnitPlace {
  bool found = false;
  bool is_boundary = false;
  uint16_t pc_offset = 0;
  uint16_t state = 0;
};
UnitPlace place_in(const Unit& unit, uint16_t code_offset);

// Whether a basic block begins at `pc_offset`. Where nothing is counted in blocks, everything is a block.
bool begins_block(const Unit& unit, uint16_t pc_offset);
// Where the block ends that holds the instruction at `pc_offset`; also a pc_offset.
uint64_t end_of_block(const Unit& unit, uint16_t pc_offset);
// The analysis routine of which the code at `code_offset` is; 0: none.
uint64_t routine_at(const Unit& unit, uint16_t code_offset);

enum class Leaving {
  at_boundary,  // the instruction has not begun, nor has what was planned before it
  to_restart,   // what was planned before it is done, and will be done again
  in_fault,     // what was planned before it is done
};

// The thread leaves `unit` at emitted code `code_offset`, which belongs to the instruction at `pc_offset`,
// with the registers of the processor in the context: takes back what was borrowed over several instructions,
// takes off the shared counts what is not reached, and counts the records that were written.
void settle(ThreadContext& context, const Unit& unit, uint16_t code_offset, uint16_t pc_offset,
            Leaving leaving);

}  // namespace isotach::dbi
