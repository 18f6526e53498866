// One translated trace and its ways in and out.
//
// Thread rules: everything here is changed with the translation lock held; running threads only follow the
// jumps, each of which changes by one aligned store.
#pragma once

#include <cstdint>

namespace isotach::dbi {

struct Unit;

// A way out of translated code that the dispatcher must act on, or that jumps to another unit.
struct Exit {
  enum class Kind : uint8_t { unused, link, system_call, emulate, prologue, changed };
  Kind kind = Kind::unused;
  uint8_t length = 0;               // system_call, emulate: of the instruction
  uint64_t target = 0;              // link: where the program goes; others: address of the instruction
  Unit* from = nullptr;             // null for prologues
  uint8_t* displacement = nullptr;  // link, prologue: of the jump that is patched
  uint8_t* stub = nullptr;          // link, prologue: where the jump goes while it has no unit
  Unit* to = nullptr;               // link, prologue: the unit it goes to now
  Exit* next_incoming = nullptr;    // of `to`
  // A prologue that falls into its unit: 8 aligned bytes, the first instruction behind the comparison, that
  // can be replaced by a jump to `cut_to`, which ends in the jump of `displacement`. Null once that was done.
  uint8_t* cut = nullptr;
  uint8_t* cut_to = nullptr;
  uint32_t number = 0;
  uint32_t next_of_unit = 0;  // number of the next exit of `from`; 0 at the end
};

// From `code_offset` on, emitted code belongs to the program's instruction at `pc_offset`.
struct MapEntry {
  uint16_t code_offset;
  uint16_t pc_offset;
  // Which registers of the program are in slots: five bits for each of slot 0 to 2: register + 1, or 0.
  // kBoundary: here the instruction has not begun and all registers are in place.
  uint16_t state;
};
inline constexpr uint16_t kBoundary = 0x8000;
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

struct Unit {
  uint64_t pc = 0;      // first instruction
  uint64_t pc_end = 0;  // behind the last
  uint8_t* code = nullptr;
  uint32_t code_size = 0;
  uint32_t first_exit = 0;  // number of the first of a list; 0: none
  uint32_t map_count = 0;
  bool dead = false;  // flushed: no way leads here any more, but a thread may still be inside
  uint32_t shared_count_count = 0;
  MapEntry* map = nullptr;
  SharedCount* shared_counts = nullptr;
  Exit* incoming = nullptr;
  Exit* prologue = nullptr;  // from the table of indirect targets
};

enum class Leaving {
  at_boundary,  // the instruction has not begun, nor has what was planned before it
  to_restart,   // what was planned before it is done, and will be done again
  in_fault,     // what was planned before it is done
};

// Takes off the shared counts of `unit` what the thread does not reach as it leaves at the instruction at
// `pc_offset`.
void take_back_counts(const Unit& unit, uint16_t pc_offset, Leaving leaving);

}  // namespace isotach::dbi
