// Instructions that the engine carries out itself, because in the cache they would act on the engine.
#pragma once

#include <cstdint>

namespace isotach::dbi {

struct ThreadContext;

// The instruction at context.pc, `length` bytes long, which scan_instruction called Flow::emulate. Changes
// the registers and pc in the context.
void emulate_instruction(ThreadContext& context, unsigned length);

}  // namespace isotach::dbi
