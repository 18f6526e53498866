// A decoded instruction with everything that Zydis knows of it. For decode/ and the API only.
#pragma once

#include <Zydis/Zydis.h>

#include "engine/decode/instruction.h"

namespace isotach::dbi {

struct FullInstruction : DecodedInstruction {
  bool is_wide_mode = true;  // false: a tool asked for 32-bit code, which is not decoded
  ZydisDecodedInstruction instruction{};
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT]{};
};

// Every DecodedInstruction of a pool is one.
inline const FullInstruction& full(const DecodedInstruction& decoded) {
  return static_cast<const FullInstruction&>(decoded);
}

// Machine number of the general register that holds `reg`, kInstructionPointer for rip and eip; else none.
int8_t general_register_number(ZydisRegister reg);
// Number of a vector register of any width; else none.
int8_t vector_register_number(ZydisRegister reg);

const ZydisDecoder& zydis_decoder();
const ZydisFormatter& zydis_formatter(bool att_syntax);
void decode_fully(const uint8_t* bytes, size_t size, uint64_t address, FullInstruction& out);
std::string disassemble(const FullInstruction& full, bool att_syntax);

}  // namespace isotach::dbi
