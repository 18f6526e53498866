// The text of an instruction, as Pin's users know it: Intel's syntax in lower case, memory with its size,
// branches as absolute addresses. AT&T's for those who ask.
#include <cstdio>

#include "engine/decode/full_instruction.h"

namespace isotach::dbi {
namespace {

ZydisFormatter make_formatter(bool att_syntax) {
  ZydisFormatter made;
  ZydisFormatterInit(&made, att_syntax ? ZYDIS_FORMATTER_STYLE_ATT : ZYDIS_FORMATTER_STYLE_INTEL);
  ZydisFormatterSetProperty(&made, ZYDIS_FORMATTER_PROP_FORCE_SIZE, ZYAN_TRUE);
  ZydisFormatterSetProperty(&made, ZYDIS_FORMATTER_PROP_FORCE_SEGMENT, ZYAN_FALSE);
  ZydisFormatterSetProperty(&made, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
  ZydisFormatterSetProperty(&made, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, ZYDIS_PADDING_DISABLED);
  ZydisFormatterSetProperty(&made, ZYDIS_FORMATTER_PROP_ADDR_PADDING_RELATIVE, ZYDIS_PADDING_DISABLED);
  ZydisFormatterSetProperty(&made, ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED);
  ZydisFormatterSetProperty(&made, ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED);
  ZydisFormatterSetProperty(&made, ZYDIS_FORMATTER_PROP_IMM_SIGNEDNESS, ZYDIS_SIGNEDNESS_UNSIGNED);
  return made;
}

// rip-relative addresses stay "[rip+0x1234]": what an instruction says, not where it was found.
ZyanU64 formatting_address(const FullInstruction& full) {
  for (unsigned i = 0; i < full.instruction.operand_count; ++i) {
    const auto& operand = full.operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operand.imm.is_relative) return full.address;
  }
  return ZYDIS_RUNTIME_ADDRESS_NONE;
}

}  // namespace

const ZydisFormatter& zydis_formatter(bool att_syntax) {
  static const ZydisFormatter intel = make_formatter(false);
  static const ZydisFormatter att = make_formatter(true);
  return att_syntax ? att : intel;
}

std::string disassemble(const FullInstruction& full, bool att_syntax) {
  if (!full.is_valid) return "(bad)";
  char text[256];
  if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&zydis_formatter(att_syntax), &full.instruction,
                                                    full.operands, full.instruction.operand_count_visible,
                                                    text, sizeof text, formatting_address(full), nullptr))) {
    return "(bad)";
  }
  std::string result(text);
  // Tools know "lea rax, ptr [...]".
  if (full.instruction.mnemonic == ZYDIS_MNEMONIC_LEA && !att_syntax) {
    const size_t bracket = result.find('[');
    if (bracket != std::string::npos) result.insert(bracket, "ptr ");
  }
  return result;
}

}  // namespace isotach::dbi
