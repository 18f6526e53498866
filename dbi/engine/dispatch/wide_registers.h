// Vector registers in whole, and mask registers, of the calling thread.
//
// The engine, the tool and their libraries execute no VEX or EVEX instruction, so what does not fit into the
// context (above xmm0 to xmm15) is the program's wherever they run. These functions take it from the
// processor.
//
// Thread rules: the context is that of the calling thread, which is not in the code cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/decode/instruction.h"

namespace isotach::dbi {

struct ThreadContext;

inline constexpr size_t kWidestRegister = 64;

// The first `size` bytes (16, 32 or 64) of vector register `number`; those that this processor lacks are 0.
void read_vector(const ThreadContext& context, unsigned number, size_t size, uint8_t* to);
// What is above `size` stays as it is.
void write_vector(ThreadContext& context, unsigned number, size_t size, const uint8_t* from);
uint64_t read_mask_register(unsigned number);
void write_mask_register(unsigned number, uint64_t value);
bool has_mask_registers();

// What emitted code passes of a gather or scatter.
struct ElementForm {
  int64_t displacement;
  int8_t base;
  uint8_t index, index_bytes, scale;
  uint8_t mask, mask_is_vector;
  uint8_t count, size;
  Segment segment;
  bool address32;
};

ElementForm element_form(const DecodedInstruction& instruction);

// Fills in context->element_addresses and element_on, before the instruction runs.
extern "C" void isotach_find_elements(ThreadContext* context, const ElementForm* form);

// Between a register and its copy, for an argument that refers to it: `what` is the register's number, the
// number of the copy and its size, as wide_argument() makes it.
extern "C" void isotach_copy_wide(ThreadContext* context, uint32_t what);
extern "C" void isotach_copy_wide_back(ThreadContext* context, uint32_t what);
inline constexpr uint32_t wide_argument(unsigned number, unsigned copy, unsigned size) {
  return number | copy << 8 | size << 16;
}

}  // namespace isotach::dbi
