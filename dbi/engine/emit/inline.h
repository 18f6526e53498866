// Analysis routines that are short enough to be written into the translated code instead of being called.
//
// A routine qualifies when it is straight-line code up to a return, does not use the stack, and touches no
// vector register: compilers make that of counters and of routines that store their arguments.
//
// Thread rules: the translation lock is held.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/instrument/plan.h"

namespace isotach::dbi {

struct InlineBody {
  bool is_usable = false;
  std::vector<PlannedInstruction> instructions;  // without the return
  uint16_t touched = 0;                          // general registers
  bool writes_flags = false;
  bool returns_value = false;  // leaves something in rax that its caller may use
  // The whole of it is  *address += addend,  64 bits.
  bool is_increment = false;
  uint64_t address = 0;
  int32_t addend = 0;
  int addend_register = -1;  // -1: the constant; otherwise rdi
};

// From now on only counters are written in place: a tool wants to hear of faults in its routines.
void call_all_but_counters();

// What is at `routine`, looked at once.
const InlineBody& inline_body(uint64_t routine);

}  // namespace isotach::dbi
