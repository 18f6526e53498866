// Which registers and flags of the program hold a value that may be read later: before each instruction of a
// trace. Beyond the trace everything counts as read. A value that is overwritten before it is read may be
// destroyed by emitted code even where the instruction between could fault: a handler that looks would see a
// value that the program itself never looks at.
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
};

void compute_liveness(const TracePlan& plan, Liveness& out);

}  // namespace isotach::dbi
