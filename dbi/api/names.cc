// Names and numbers of instructions, categories and extensions; the decoder's interface that tools use.
#include <cctype>
#include <cstring>
#include <new>
#include <string>

#include "api/instrument.h"
#include "api/names.h"

namespace isotach::dbi::api {
namespace {

bool is_vector_operand(const FullInstruction& full, unsigned n) {
  const auto& operand = full.operands[n];
  return operand.type == ZYDIS_OPERAND_TYPE_REGISTER && vector_register_number(operand.reg.value) >= 0;
}

bool has_vector_operand(const FullInstruction& full) {
  return is_vector_operand(full, 0) || is_vector_operand(full, 1);
}

// A repeated string instruction has a name of its own: base is that of the byte form.
xed_iclass_enum_t repeated(ZydisMnemonic mnemonic, bool not_equal) {
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_MOVSB:
      return XED_ICLASS_REP_MOVSB;
    case ZYDIS_MNEMONIC_MOVSW:
      return XED_ICLASS_REP_MOVSW;
    case ZYDIS_MNEMONIC_MOVSD:
      return XED_ICLASS_REP_MOVSD;
    case ZYDIS_MNEMONIC_MOVSQ:
      return XED_ICLASS_REP_MOVSQ;
    case ZYDIS_MNEMONIC_STOSB:
      return XED_ICLASS_REP_STOSB;
    case ZYDIS_MNEMONIC_STOSW:
      return XED_ICLASS_REP_STOSW;
    case ZYDIS_MNEMONIC_STOSD:
      return XED_ICLASS_REP_STOSD;
    case ZYDIS_MNEMONIC_STOSQ:
      return XED_ICLASS_REP_STOSQ;
    case ZYDIS_MNEMONIC_LODSB:
      return XED_ICLASS_REP_LODSB;
    case ZYDIS_MNEMONIC_LODSW:
      return XED_ICLASS_REP_LODSW;
    case ZYDIS_MNEMONIC_LODSD:
      return XED_ICLASS_REP_LODSD;
    case ZYDIS_MNEMONIC_LODSQ:
      return XED_ICLASS_REP_LODSQ;
    case ZYDIS_MNEMONIC_CMPSB:
      return not_equal ? XED_ICLASS_REPNE_CMPSB : XED_ICLASS_REPE_CMPSB;
    case ZYDIS_MNEMONIC_CMPSW:
      return not_equal ? XED_ICLASS_REPNE_CMPSW : XED_ICLASS_REPE_CMPSW;
    case ZYDIS_MNEMONIC_CMPSD:
      return not_equal ? XED_ICLASS_REPNE_CMPSD : XED_ICLASS_REPE_CMPSD;
    case ZYDIS_MNEMONIC_CMPSQ:
      return not_equal ? XED_ICLASS_REPNE_CMPSQ : XED_ICLASS_REPE_CMPSQ;
    case ZYDIS_MNEMONIC_SCASB:
      return not_equal ? XED_ICLASS_REPNE_SCASB : XED_ICLASS_REPE_SCASB;
    case ZYDIS_MNEMONIC_SCASW:
      return not_equal ? XED_ICLASS_REPNE_SCASW : XED_ICLASS_REPE_SCASW;
    case ZYDIS_MNEMONIC_SCASD:
      return not_equal ? XED_ICLASS_REPNE_SCASD : XED_ICLASS_REPE_SCASD;
    case ZYDIS_MNEMONIC_SCASQ:
      return not_equal ? XED_ICLASS_REPNE_SCASQ : XED_ICLASS_REPE_SCASQ;
    default:
      return static_cast<xed_iclass_enum_t>(mnemonic);
  }
}

xed_iclass_enum_t locked(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_ADD:
      return XED_ICLASS_ADD_LOCK;
    case ZYDIS_MNEMONIC_ADC:
      return XED_ICLASS_ADC_LOCK;
    case ZYDIS_MNEMONIC_AND:
      return XED_ICLASS_AND_LOCK;
    case ZYDIS_MNEMONIC_BTC:
      return XED_ICLASS_BTC_LOCK;
    case ZYDIS_MNEMONIC_BTR:
      return XED_ICLASS_BTR_LOCK;
    case ZYDIS_MNEMONIC_BTS:
      return XED_ICLASS_BTS_LOCK;
    case ZYDIS_MNEMONIC_CMPXCHG:
      return XED_ICLASS_CMPXCHG_LOCK;
    case ZYDIS_MNEMONIC_CMPXCHG8B:
      return XED_ICLASS_CMPXCHG8B_LOCK;
    case ZYDIS_MNEMONIC_CMPXCHG16B:
      return XED_ICLASS_CMPXCHG16B_LOCK;
    case ZYDIS_MNEMONIC_DEC:
      return XED_ICLASS_DEC_LOCK;
    case ZYDIS_MNEMONIC_INC:
      return XED_ICLASS_INC_LOCK;
    case ZYDIS_MNEMONIC_NEG:
      return XED_ICLASS_NEG_LOCK;
    case ZYDIS_MNEMONIC_NOT:
      return XED_ICLASS_NOT_LOCK;
    case ZYDIS_MNEMONIC_OR:
      return XED_ICLASS_OR_LOCK;
    case ZYDIS_MNEMONIC_SBB:
      return XED_ICLASS_SBB_LOCK;
    case ZYDIS_MNEMONIC_SUB:
      return XED_ICLASS_SUB_LOCK;
    case ZYDIS_MNEMONIC_XADD:
      return XED_ICLASS_XADD_LOCK;
    case ZYDIS_MNEMONIC_XOR:
      return XED_ICLASS_XOR_LOCK;
    default:
      return static_cast<xed_iclass_enum_t>(mnemonic);
  }
}

const char* special_name(uint32_t iclass) {
  switch (iclass) {
#define ISOTACH_NAME(name) \
  case XED_ICLASS_##name:  \
    return #name;
    ISOTACH_NAME(CALL_FAR)
    ISOTACH_NAME(RET_FAR)
    ISOTACH_NAME(JMP_FAR)
    ISOTACH_NAME(MOVSD_XMM)
    ISOTACH_NAME(CMPSD_XMM)
    ISOTACH_NAME(REP_MOVSB)
    ISOTACH_NAME(REP_MOVSW)
    ISOTACH_NAME(REP_MOVSD)
    ISOTACH_NAME(REP_MOVSQ)
    ISOTACH_NAME(REP_STOSB)
    ISOTACH_NAME(REP_STOSW)
    ISOTACH_NAME(REP_STOSD)
    ISOTACH_NAME(REP_STOSQ)
    ISOTACH_NAME(REP_LODSB)
    ISOTACH_NAME(REP_LODSW)
    ISOTACH_NAME(REP_LODSD)
    ISOTACH_NAME(REP_LODSQ)
    ISOTACH_NAME(REPE_CMPSB)
    ISOTACH_NAME(REPE_CMPSW)
    ISOTACH_NAME(REPE_CMPSD)
    ISOTACH_NAME(REPE_CMPSQ)
    ISOTACH_NAME(REPNE_CMPSB)
    ISOTACH_NAME(REPNE_CMPSW)
    ISOTACH_NAME(REPNE_CMPSD)
    ISOTACH_NAME(REPNE_CMPSQ)
    ISOTACH_NAME(REPE_SCASB)
    ISOTACH_NAME(REPE_SCASW)
    ISOTACH_NAME(REPE_SCASD)
    ISOTACH_NAME(REPE_SCASQ)
    ISOTACH_NAME(REPNE_SCASB)
    ISOTACH_NAME(REPNE_SCASW)
    ISOTACH_NAME(REPNE_SCASD)
    ISOTACH_NAME(REPNE_SCASQ)
    ISOTACH_NAME(ADD_LOCK)
    ISOTACH_NAME(ADC_LOCK)
    ISOTACH_NAME(AND_LOCK)
    ISOTACH_NAME(BTC_LOCK)
    ISOTACH_NAME(BTR_LOCK)
    ISOTACH_NAME(BTS_LOCK)
    ISOTACH_NAME(CMPXCHG_LOCK)
    ISOTACH_NAME(CMPXCHG8B_LOCK)
    ISOTACH_NAME(CMPXCHG16B_LOCK)
    ISOTACH_NAME(DEC_LOCK)
    ISOTACH_NAME(INC_LOCK)
    ISOTACH_NAME(NEG_LOCK)
    ISOTACH_NAME(NOT_LOCK)
    ISOTACH_NAME(OR_LOCK)
    ISOTACH_NAME(SBB_LOCK)
    ISOTACH_NAME(SUB_LOCK)
    ISOTACH_NAME(XADD_LOCK)
    ISOTACH_NAME(XOR_LOCK)
#undef ISOTACH_NAME
    default:
      return nullptr;
  }
}

std::string upper(const char* text) {
  std::string result;
  for (; text != nullptr && *text != '\0'; ++text) {
    result += static_cast<char>(std::toupper(static_cast<unsigned char>(*text)));
  }
  return result;
}

}  // namespace

xed_iclass_enum_t class_of(const FullInstruction& full) {
  if (!full.is_valid) return XED_ICLASS_INVALID;
  const ZydisMnemonic mnemonic = full.instruction.mnemonic;
  const auto attributes = full.instruction.attributes;
  if (full.instruction.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR) {
    if (mnemonic == ZYDIS_MNEMONIC_CALL) return XED_ICLASS_CALL_FAR;
    if (mnemonic == ZYDIS_MNEMONIC_RET) return XED_ICLASS_RET_FAR;
    if (mnemonic == ZYDIS_MNEMONIC_JMP) return XED_ICLASS_JMP_FAR;
  }
  if (mnemonic == ZYDIS_MNEMONIC_MOVSD && has_vector_operand(full)) return XED_ICLASS_MOVSD_XMM;
  if (mnemonic == ZYDIS_MNEMONIC_CMPSD && has_vector_operand(full)) return XED_ICLASS_CMPSD_XMM;
  if (attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE)) return repeated(mnemonic, false);
  if (attributes & ZYDIS_ATTRIB_HAS_REPNE) return repeated(mnemonic, true);
  if (attributes & ZYDIS_ATTRIB_HAS_LOCK) return locked(mnemonic);
  return static_cast<xed_iclass_enum_t>(mnemonic);
}

xed_iclass_enum_t opcode_of(const FullInstruction& full) {
  const xed_iclass_enum_t iclass = class_of(full);
  const bool is_repeated = iclass >= XED_ICLASS_REP_MOVSB && iclass <= XED_ICLASS_REPNE_SCASQ;
  return is_repeated ? static_cast<xed_iclass_enum_t>(full.instruction.mnemonic) : iclass;
}

std::string class_name(uint32_t iclass) {
  if (const char* name = special_name(iclass)) return name;
  if (iclass == ZYDIS_MNEMONIC_CALL) return "CALL_NEAR";
  if (iclass == ZYDIS_MNEMONIC_RET) return "RET_NEAR";
  if (iclass > ZYDIS_MNEMONIC_MAX_VALUE) return "INVALID";
  return upper(ZydisMnemonicGetString(static_cast<ZydisMnemonic>(iclass)));
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

std::string OPCODE_StringShort(UINT32 opcode) {
  return class_name(opcode);
}
std::string CATEGORY_StringShort(UINT32 category) {
  const char* name = ZydisCategoryGetString(static_cast<ZydisInstructionCategory>(category));
  return name != nullptr ? name : "INVALID";
}
std::string EXTENSION_StringShort(UINT32 extension) {
  const char* name = ZydisISAExtGetString(static_cast<ZydisISAExt>(extension));
  return name != nullptr ? name : "INVALID";
}

OPCODE INS_Opcode(INS ins) {
  return opcode_of(find(ins, "INS_Opcode").full());
}
std::string INS_Mnemonic(INS ins) {
  return class_name(opcode_of(find(ins, "INS_Mnemonic").full()));
}
INT32 INS_Category(INS ins) {
  return static_cast<INT32>(find(ins, "INS_Category").full().instruction.meta.category);
}
INT32 INS_Extension(INS ins) {
  return static_cast<INT32>(find(ins, "INS_Extension").full().instruction.meta.isa_ext);
}

// One for the calling thread, good until the next call.
xed_decoded_inst_t* INS_XedDec(INS ins) {
  static thread_local xed_decoded_inst_t copy;
  new (copy.opaque) FullInstruction(find(ins, "INS_XedDec").full());
  copy._inst = form_of(inside(&copy));
  return &copy;
}
REG INS_XedExactMapToPinReg(xed_reg_enum_t reg) {
  return reg_of(static_cast<ZydisRegister>(reg));
}
xed_reg_enum_t INS_XedExactMapFromPinReg(REG reg) {
  return static_cast<xed_reg_enum_t>(zydis_of(reg));
}

VOID xed_decoded_inst_zero(xed_decoded_inst_t* inst) {
  new (inst->opaque) FullInstruction;
  inst->_inst = nullptr;
}
VOID xed_decoded_inst_zero_set_mode(xed_decoded_inst_t* inst, const xed_state_t* state) {
  xed_decoded_inst_zero(inst);
  inside(inst).is_wide_mode = state->mmode == XED_MACHINE_MODE_LONG_64;
}
VOID xed_decoded_inst_set_mode(xed_decoded_inst_t* inst, xed_machine_mode_enum_t mode,
                               xed_address_width_enum_t) {
  inside(inst).is_wide_mode = mode == XED_MACHINE_MODE_LONG_64;
}
xed_error_enum_t xed_decode(xed_decoded_inst_t* inst, const xed_uint8_t* bytes, unsigned int size) {
  FullInstruction& full = inside(inst);
  if (!full.is_wide_mode || size == 0) return XED_ERROR_GENERAL_ERROR;
  decode_fully(bytes, size, reinterpret_cast<uint64_t>(bytes), full);
  full.is_wide_mode = true;
  inst->_inst = form_of(full);
  if (full.is_valid) return XED_ERROR_NONE;
  return size < 15 && full.length == size ? XED_ERROR_BUFFER_TOO_SHORT : XED_ERROR_GENERAL_ERROR;
}
BOOL xed_decoded_inst_valid(const xed_decoded_inst_t* inst) {
  return inside(inst).is_valid;
}
xed_uint_t xed_decoded_inst_get_length(const xed_decoded_inst_t* inst) {
  return inside(inst).length;
}
xed_iclass_enum_t xed_decoded_inst_get_iclass(const xed_decoded_inst_t* inst) {
  return class_of(inside(inst));
}
xed_category_enum_t xed_decoded_inst_get_category(const xed_decoded_inst_t* inst) {
  return static_cast<xed_category_enum_t>(inside(inst).instruction.meta.category);
}
xed_extension_enum_t xed_decoded_inst_get_extension(const xed_decoded_inst_t* inst) {
  return static_cast<xed_extension_enum_t>(inside(inst).instruction.meta.isa_ext);
}
BOOL xed_format_context(xed_syntax_enum_t syntax, const xed_decoded_inst_t* inst, CHAR* out, int size,
                        xed_uint64_t address, VOID*, VOID*) {
  if (size < 1) return FALSE;
  FullInstruction full = inside(inst);
  full.address = address;
  const std::string text = disassemble(full, syntax == XED_SYNTAX_ATT);
  if (text.size() >= static_cast<size_t>(size)) return FALSE;
  std::memcpy(out, text.c_str(), text.size() + 1);
  return TRUE;
}
BOOL xed_decoded_inst_dump_intel_format(const xed_decoded_inst_t* inst, CHAR* out, int size,
                                        xed_uint64_t address) {
  return xed_format_context(XED_SYNTAX_INTEL, inst, out, size, address, nullptr, nullptr);
}
VOID xed_decoded_inst_dump(const xed_decoded_inst_t* inst, CHAR* out, int size) {
  xed_format_context(XED_SYNTAX_INTEL, inst, out, size, inside(inst).address, nullptr, nullptr);
}
const CHAR* xed_iclass_enum_t2str(xed_iclass_enum_t iclass) {
  static thread_local std::string text;
  text = class_name(iclass);
  return text.c_str();
}
const CHAR* xed_category_enum_t2str(xed_category_enum_t category) {
  return ZydisCategoryGetString(static_cast<ZydisInstructionCategory>(category));
}
const CHAR* xed_extension_enum_t2str(xed_extension_enum_t extension) {
  return ZydisISAExtGetString(static_cast<ZydisISAExt>(extension));
}
const CHAR* xed_error_enum_t2str(xed_error_enum_t error) {
  switch (error) {
    case XED_ERROR_NONE:
      return "NONE";
    case XED_ERROR_BUFFER_TOO_SHORT:
      return "BUFFER_TOO_SHORT";
    default:
      return "GENERAL_ERROR";
  }
}

namespace {

// The value below `end` whose name is this one, or 0, which is none.
template <typename Enum, typename NameOf>
Enum named(const CHAR* name, uint32_t end, NameOf&& name_of) {
  for (uint32_t value = 1; value < end; ++value) {
    if (name_of(value) == name) return static_cast<Enum>(value);
  }
  return static_cast<Enum>(0);
}

}  // namespace

xed_iclass_enum_t str2xed_iclass_enum_t(const CHAR* name) {
  return named<xed_iclass_enum_t>(name, XED_ICLASS_LAST, class_name);
}
xed_category_enum_t str2xed_category_enum_t(const CHAR* name) {
  return named<xed_category_enum_t>(name, XED_CATEGORY_LAST, CATEGORY_StringShort);
}
xed_extension_enum_t str2xed_extension_enum_t(const CHAR* name) {
  return named<xed_extension_enum_t>(name, XED_EXTENSION_LAST, EXTENSION_StringShort);
}

}  // namespace LEVEL_BASE
