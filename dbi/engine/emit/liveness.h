// Which registers and flags of the program hold a value that may be read later: before each instruction of a
// trace, by the program or by an analysis call. Beyond the trace everything counts as read.
//
// A register that is overwritten before it is read may be destroyed by emitted code, but its value must be
// kept where an instruction could fault before that (Emitter::lose): who handles the fault may go on with it.
// Flags are not kept: what handles a fault does not look at them.
//
// Thread rules: pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/instrument/plan.h"

namespace isotach::dbi {

struct Liveness {
  std::vector<uint16_t> registers;  // a bit for each general register, before instruction i
  std::vector<uint32_t> flags;      // status flags
  std::vector<uint16_t> touched;    // by instruction i: general registers that it reads or writes
  std::vector<uint16_t> at_faults;  // as `registers`, where a fault reads all of them
};

void compute_liveness(const TracePlan& plan, Liveness& out);

}  // namespace isotach::dbi
