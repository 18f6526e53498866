// Registers: names, sizes, parts, and where they lie.
#include <string>

#include "api/instrument.h"

namespace isotach::dbi::api {
namespace {

// In the order of the enumerators REG_RDI to REG_RAX; machine numbers.
constexpr uint8_t kOrder[8] = {7, 6, 5, 4, 3, 2, 1, 0};
constexpr REG kByNumber[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI};

REG by_number(int number) {
  return number < 8 ? kByNumber[number] : static_cast<REG>(REG_R8 + number - 8);
}

struct Part {
  int number;    // machine number of the general register; -1: none
  uint8_t size;  // bytes
  bool high;
};

Part general_part(REG reg) {
  if (reg >= REG_RDI && reg <= REG_RAX) return {kOrder[reg - REG_RDI], 8, false};
  if (reg >= REG_R8 && reg <= REG_R15) return {8 + static_cast<int>(reg - REG_R8), 8, false};
  if (reg >= REG_R8B && reg <= REG_R15B) return {8 + static_cast<int>(reg - REG_R8B), 1, false};
  if (reg >= REG_R8W && reg <= REG_R15W) return {8 + static_cast<int>(reg - REG_R8W), 2, false};
  if (reg >= REG_R8D && reg <= REG_R15D) return {8 + static_cast<int>(reg - REG_R8D), 4, false};
  switch (reg) {
    case REG_AL:
      return {0, 1, false};
    case REG_AH:
      return {0, 1, true};
    case REG_AX:
      return {0, 2, false};
    case REG_EAX:
      return {0, 4, false};
    case REG_CL:
      return {1, 1, false};
    case REG_CH:
      return {1, 1, true};
    case REG_CX:
      return {1, 2, false};
    case REG_ECX:
      return {1, 4, false};
    case REG_DL:
      return {2, 1, false};
    case REG_DH:
      return {2, 1, true};
    case REG_DX:
      return {2, 2, false};
    case REG_EDX:
      return {2, 4, false};
    case REG_BL:
      return {3, 1, false};
    case REG_BH:
      return {3, 1, true};
    case REG_BX:
      return {3, 2, false};
    case REG_EBX:
      return {3, 4, false};
    case REG_SPL:
      return {4, 1, false};
    case REG_SP:
      return {4, 2, false};
    case REG_ESP:
      return {4, 4, false};
    case REG_BPL:
      return {5, 1, false};
    case REG_BP:
      return {5, 2, false};
    case REG_EBP:
      return {5, 4, false};
    case REG_SIL:
      return {6, 1, false};
    case REG_SI:
      return {6, 2, false};
    case REG_ESI:
      return {6, 4, false};
    case REG_DIL:
      return {7, 1, false};
    case REG_DI:
      return {7, 2, false};
    case REG_EDI:
      return {7, 4, false};
    default:
      return {-1, 0, false};
  }
}

REG general_reg(int number, unsigned size, bool high) {
  for (UINT32 i = REG_FIRST; i < REG_LAST; ++i) {
    const Part part = general_part(static_cast<REG>(i));
    if (part.number == number && part.size == size && part.high == high) return static_cast<REG>(i);
  }
  return REG_INVALID();
}

}  // namespace

bool place_of(REG reg, Argument& argument) {
  const auto put = [&argument](uint64_t value, uint8_t size) {
    argument.value = value;
    argument.size = size;
    return true;
  };
  const Part part = general_part(reg);
  if (part.number >= 0) {
    argument.high_byte = part.high;
    return put(static_cast<uint64_t>(part.number), part.size);
  }
  if (reg == REG_RIP) return put(plan_register::kPc, 8);
  if (reg == REG_EIP) return put(plan_register::kPc, 4);
  if (reg == REG_RFLAGS) return put(plan_register::kFlags, 8);
  if (reg == REG_EFLAGS) return put(plan_register::kFlags, 4);
  if (reg == REG_FLAGS) return put(plan_register::kFlags, 2);
  if (reg == REG_SEG_FS_BASE) return put(plan_register::kFsBase, 8);
  if (reg == REG_SEG_GS_BASE) return put(plan_register::kGsBase, 8);
  if (REG_is_seg(reg)) return put(plan_register::kSegment + (reg - REG_SEG_CS), 2);
  if (reg == REG_MXCSR) return put(plan_register::kMxcsr, 4);
  if (REG_is_xmm(reg)) return put(plan_register::kVector + (reg - REG_XMM0), 16);
  if (REG_is_ymm(reg)) return put(plan_register::kVector + (reg - REG_YMM0), 32);
  if (REG_is_zmm(reg)) return put(plan_register::kVector + (reg - REG_ZMM0), 64);
  if (REG_is_k_mask(reg)) return put(plan_register::kMask + (reg - REG_K0), 8);
  if (REG_is_st(reg)) return put(plan_register::kStackFloat + (reg - REG_ST0), 10);
  if (REG_is_mm(reg)) return put(plan_register::kStackFloat + (reg - REG_MM0), 8);
  if (reg >= REG_FPCW && reg <= REG_FPTAG) return put(plan_register::kFloatControl + (reg - REG_FPCW), 2);
  if (REG_is_pin_gr(reg)) return put(plan_register::kTool + (reg - REG_INST_G0), 8);
  return false;
}

REG reg_of(ZydisRegister reg) {
  if (reg == ZYDIS_REGISTER_NONE) return REG_INVALID();
  const auto from = [reg](ZydisRegister first, REG ours) { return static_cast<REG>(ours + (reg - first)); };
  switch (ZydisRegisterGetClass(reg)) {
    case ZYDIS_REGCLASS_GPR64:
      return by_number(reg - ZYDIS_REGISTER_RAX);
    case ZYDIS_REGCLASS_GPR32:
      return general_reg(reg - ZYDIS_REGISTER_EAX, 4, false);
    case ZYDIS_REGCLASS_GPR16:
      return general_reg(reg - ZYDIS_REGISTER_AX, 2, false);
    case ZYDIS_REGCLASS_GPR8: {
      const bool high = reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH;
      return general_reg(general_register_number(reg), 1, high);
    }
    case ZYDIS_REGCLASS_X87:
      return from(ZYDIS_REGISTER_ST0, REG_ST0);
    case ZYDIS_REGCLASS_MMX:
      return from(ZYDIS_REGISTER_MM0, REG_MM0);
    case ZYDIS_REGCLASS_XMM:
      return from(ZYDIS_REGISTER_XMM0, REG_XMM0);
    case ZYDIS_REGCLASS_YMM:
      return from(ZYDIS_REGISTER_YMM0, REG_YMM0);
    case ZYDIS_REGCLASS_ZMM:
      return from(ZYDIS_REGISTER_ZMM0, REG_ZMM0);
    case ZYDIS_REGCLASS_MASK:
      return from(ZYDIS_REGISTER_K0, REG_K0);
    case ZYDIS_REGCLASS_CONTROL:
      return from(ZYDIS_REGISTER_CR0, REG_CR0);
    case ZYDIS_REGCLASS_DEBUG:
      return reg <= ZYDIS_REGISTER_DR7 ? from(ZYDIS_REGISTER_DR0, REG_DR0) : REG_INVALID();
    default:
      break;
  }
  switch (reg) {
    case ZYDIS_REGISTER_RIP:
      return REG_RIP;
    case ZYDIS_REGISTER_EIP:
      return REG_EIP;
    case ZYDIS_REGISTER_RFLAGS:
      return REG_RFLAGS;
    case ZYDIS_REGISTER_EFLAGS:
      return REG_EFLAGS;
    case ZYDIS_REGISTER_FLAGS:
      return REG_FLAGS;
    case ZYDIS_REGISTER_CS:
      return REG_SEG_CS;
    case ZYDIS_REGISTER_SS:
      return REG_SEG_SS;
    case ZYDIS_REGISTER_DS:
      return REG_SEG_DS;
    case ZYDIS_REGISTER_ES:
      return REG_SEG_ES;
    case ZYDIS_REGISTER_FS:
      return REG_SEG_FS;
    case ZYDIS_REGISTER_GS:
      return REG_SEG_GS;
    case ZYDIS_REGISTER_MXCSR:
      return REG_MXCSR;
    case ZYDIS_REGISTER_X87CONTROL:
      return REG_FPCW;
    case ZYDIS_REGISTER_X87STATUS:
      return REG_FPSW;
    case ZYDIS_REGISTER_X87TAG:
      return REG_FPTAG;
    default:
      return REG_INVALID();
  }
}

ZydisRegister zydis_of(REG reg) {
  for (int i = 1; i < ZYDIS_REGISTER_MAX_VALUE; ++i) {
    if (reg_of(static_cast<ZydisRegister>(i)) == reg) return static_cast<ZydisRegister>(i);
  }
  return ZYDIS_REGISTER_NONE;
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

std::string REG_StringShort(REG reg) {
  if (reg == REG_INVALID_) return "*invalid*";
  if (REG_is_pin_gr(reg)) return "inst_g" + std::to_string(reg - REG_INST_G0);
  if (reg == REG_SEG_FS_BASE) return "fs_base";
  if (reg == REG_SEG_GS_BASE) return "gs_base";
  if (reg == REG_X87) return "x87";
  const ZydisRegister zydis = zydis_of(reg);
  const char* name = zydis == ZYDIS_REGISTER_NONE ? nullptr : ZydisRegisterGetString(zydis);
  return name != nullptr ? name : "reg" + std::to_string(reg);
}

REG REG_FullRegName(REG reg) {
  const Part part = general_part(reg);
  if (part.number >= 0) return by_number(part.number);
  if (REG_is_flags(reg)) return REG_RFLAGS;
  if (REG_is_inst_ptr_type(reg)) return REG_RIP;
  // The widest register that this processor has by that number.
  const bool wide = __builtin_cpu_supports("avx512f") != 0, middle = __builtin_cpu_supports("avx") != 0;
  if (REG_is_xmm(reg) || REG_is_ymm(reg)) {
    const UINT32 n = REG_is_xmm(reg) ? reg - REG_XMM0 : reg - REG_YMM0;
    if (wide) return static_cast<REG>(REG_ZMM0 + n);
    return middle ? static_cast<REG>(REG_YMM0 + n) : reg;
  }
  return reg;
}

UINT32 REG_Size(REG reg) {
  Argument argument;
  if (place_of(reg, argument)) return argument.size;
  if (reg == REG_IP) return 2;
  if (reg == REG_X87) return sizeof(FXSAVE);
  return REG_valid(reg) ? 8 : 0;
}
REGWIDTH REG_Width(REG reg) {
  switch (REG_Size(reg)) {
    case 1:
      return REGWIDTH_8;
    case 2:
      return REGWIDTH_16;
    case 4:
      return REGWIDTH_32;
    case 8:
      return REGWIDTH_64;
    case 10:
      return REGWIDTH_80;
    case 16:
      return REGWIDTH_128;
    case 32:
      return REGWIDTH_256;
    case 64:
      return REGWIDTH_512;
    default:
      return REG_Size(reg) > 64 ? REGWIDTH_FPSTATE : REGWIDTH_INVALID;
  }
}
BOOL REG_is_gr(REG reg) {
  return general_part(reg).size == 8;
}
BOOL REG_is_gr64(REG reg) {
  return general_part(reg).size == 8;
}
BOOL REG_is_gr32(REG reg) {
  return general_part(reg).size == 4;
}
BOOL REG_is_gr16(REG reg) {
  return general_part(reg).size == 2;
}
BOOL REG_is_gr8(REG reg) {
  return general_part(reg).size == 1;
}
BOOL REG_is_Upper8(REG reg) {
  return general_part(reg).high;
}
BOOL REG_is_Lower8(REG reg) {
  const Part part = general_part(reg);
  return part.size == 1 && !part.high;
}
BOOL REG_is_Half16(REG reg) {
  return general_part(reg).size == 2;
}
BOOL REG_is_Half32(REG reg) {
  return general_part(reg).size == 4;
}
BOOL REG_is_any_gr(REG reg) {
  return general_part(reg).number >= 0;
}
BOOL REG_valid_for_iarg_reg_value(REG reg) {
  Argument argument;
  return place_of(reg, argument) && argument.size <= 8;
}
REG REG_corresponding_wide_reg(REG reg) {
  return REG_FullRegName(reg);
}

std::string REGSET_StringShort(const REGSET& set) {
  return REGSET_StringList(set);
}
std::string REGSET_StringList(const REGSET& set) {
  std::string text;
  REGSET rest = set;
  for (REG reg = REGSET_PopNext(rest); REG_valid(reg); reg = REGSET_PopNext(rest)) {
    text += (text.empty() ? "" : " ") + REG_StringShort(reg);
  }
  return text;
}

}  // namespace LEVEL_BASE
