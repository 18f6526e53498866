// Instructions that the engine carries out itself, because in the cache they would act on the engine.
#pragma once

#include <cstdint>

namespace isotach::dbi {

struct ThreadContext;

// The instruction at context.pc, `length` bytes long, which scan_instruction called Flow::emulate, or popf.
// Changes the registers and pc in the context. False when it has not been executed: a fault is raised.
bool emulate_instruction(ThreadContext& context, unsigned length);

}  // namespace isotach::dbi
