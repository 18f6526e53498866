// Which registers an instruction touches: asked only where the engine must borrow one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace isotach::dbi {

// A bit for each general register that the instruction reads or writes, by name or by itself; all bits when
// it cannot be decoded.
uint32_t general_registers_used(const uint8_t* bytes, size_t size);

struct VectorMemory {
  bool is_usable = false;
  bool index_is_vector = false;  // a gather or scatter; not usable, but `base` and `displacement` are set
  int base = -1;                 // machine register number, -1: none
  int index = -1;
  uint8_t scale = 0;  // as a power of two
  int64_t displacement = 0;
};

// The memory operand of a VEX, EVEX or XOP instruction. Not usable where its index is a
// vector register.
VectorMemory vector_memory_operand(const uint8_t* bytes, size_t size);

}  // namespace isotach::dbi
