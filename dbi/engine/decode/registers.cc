#include "engine/decode/registers.h"

#include <Zydis/Zydis.h>

#include <bit>

namespace isotach::dbi {
namespace {

struct Decoded {
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  bool is_valid;
};

void decode(const uint8_t* bytes, size_t size, Decoded& out) {
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  out.is_valid = ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, size, &out.instruction, out.operands));
}

int number_of(ZydisRegister reg) {
  if (reg == ZYDIS_REGISTER_NONE) return -1;
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return -1;
  return whole - ZYDIS_REGISTER_RAX;
}

}  // namespace

uint32_t general_registers_used(const uint8_t* bytes, size_t size) {
  Decoded decoded;
  decode(bytes, size, decoded);
  if (!decoded.is_valid) return 0xffff;
  uint32_t used = 0;
  const auto add = [&](ZydisRegister reg) {
    const int number = number_of(reg);
    if (number >= 0) used |= 1u << number;
  };
  for (unsigned i = 0; i < decoded.instruction.operand_count; ++i) {
    const ZydisDecodedOperand& operand = decoded.operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) add(operand.reg.value);
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      add(operand.mem.base);
      add(operand.mem.index);
    }
  }
  return used;
}

VectorMemory vector_memory_operand(const uint8_t* bytes, size_t size) {
  Decoded decoded;
  decode(bytes, size, decoded);
  VectorMemory result;
  if (!decoded.is_valid) return result;
  for (unsigned i = 0; i < decoded.instruction.operand_count; ++i) {
    const ZydisDecodedOperand& operand = decoded.operands[i];
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY) continue;
    const bool has_index = operand.mem.index != ZYDIS_REGISTER_NONE;
    result.base = number_of(operand.mem.base);
    result.index = number_of(operand.mem.index);
    result.index_is_vector = has_index && result.index < 0;
    if (operand.mem.scale != 0) result.scale = static_cast<uint8_t>(std::countr_zero(operand.mem.scale));
    result.displacement = operand.mem.disp.has_displacement ? operand.mem.disp.value : 0;
    result.is_usable = !result.index_is_vector;
    return result;
  }
  return result;
}

}  // namespace isotach::dbi
