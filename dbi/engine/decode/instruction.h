// One instruction in full, decoded when the emitter or a tool asks: its memory operands and registers. The
// operands themselves, as Zydis has them, are in full_instruction.h, for the API.
//
// Memory operands are counted as tools count them: those that are read or written, the explicit one first,
// then the implicit ones (stack, string). Not counted are lea, nop and what is only looked up (prefetch is).
// Of a gather or scatter each element is one, lowest first.
//
// Thread rules: pure functions; a pool belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/decode/scan.h"

namespace isotach::dbi {

inline constexpr int8_t kNoRegister = -1;
inline constexpr int8_t kInstructionPointer = 16;

// Where a memory operand lies before its instruction runs:
//   segment base + base + index * scale + displacement, cut to 32 bits if address32.
// Of a gather or scatter `index` is element `element` of a vector register, sign-extended, and the element is
// accessed where a mask says so: the highest bit of the same element of a vector register, or that bit of a
// mask register.
struct MemoryOperand {
  int64_t displacement = 0;
  uint32_t size = 0;           // in bytes; 0 where only the processor's state tells (xsave)
  int8_t base = kNoRegister;   // machine number, or kInstructionPointer: the address behind the instruction
  int8_t index = kNoRegister;  // machine number
  uint8_t scale = 1;
  Segment segment = Segment::none;
  bool read = false;
  bool written = false;
  bool conditional = false;  // may not be accessed: cmov does read, a masked store may not write
  bool is_implicit = false;
  bool address32 = false;
  bool index_is_vector = false;  // gather, scatter: `index` is the number of a vector register
  bool index_is_al = false;      // xlat: the low byte of rax
  uint8_t operand = 0;           // its place in the list of operands
  // Of an element only.
  uint8_t element = 0;
  uint8_t index_bytes = 0;      // of the index
  uint8_t mask = 0;             // number of the register
  bool mask_is_vector = false;  // of as many bytes an element as `size`
};

inline constexpr unsigned kMaxMemoryOperands = 16;

struct DecodedInstruction {
  uint64_t address = 0;
  MemoryOperand memory[kMaxMemoryOperands];  // those that are counted are filled in
  uint8_t memory_count = 0;
  uint8_t address_only = kMaxMemoryOperands;  // memory[address_only] is not accessed, but addressed: lea, nop
  uint8_t length = 0;
  bool is_valid = false;
  // A bit for each machine register: general (rax is bit 0), and vector 0 to 31.
  uint32_t gpr_read = 0;     // the value before may matter
  uint32_t gpr_written = 0;  // the value before is certainly gone
  uint32_t gpr_touched = 0;  // read, or written in whole, in part or perhaps
  uint32_t vector_read = 0;
  uint32_t vector_written = 0;  // in whole or in part or perhaps
};

// Holds decoded instructions until it is cleared; keeps the memory.
class DecodedPool {
 public:
  DecodedPool();
  ~DecodedPool();
  DecodedPool(const DecodedPool&) = delete;
  DecodedPool& operator=(const DecodedPool&) = delete;

  // Decodes the instruction that can be read at `bytes` and stands at `address`.
  DecodedInstruction& decode(const uint8_t* bytes, size_t size, uint64_t address);
  void clear();

 private:
  struct Contents;
  std::unique_ptr<Contents> contents_;
};

// General registers of an instruction, as in DecodedInstruction, for liveness: tens of cycles for what
// compilers write, some hundred for the rest.
struct RegisterUse {
  uint16_t read = 0;
  uint16_t written = 0;  // the value before is certainly gone
  uint16_t touched = 0;
};
RegisterUse general_register_use(const Scan& scan, const uint8_t* bytes);

// "mov qword ptr [rbp-0x8], rax", as Pin's users know it.
std::string disassemble(const uint8_t* bytes, size_t size, uint64_t address);

}  // namespace isotach::dbi
