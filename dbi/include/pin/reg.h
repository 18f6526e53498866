// Registers as tools name them: whole ones, their parts, and what is no machine register (REG_INST_G0...).
// Sets of registers.
#pragma once

#include <sys/ucontext.h>

#include "pin/handles.h"

// The C library has enumerators of the same names, for the places of registers in a ucontext_t, which
// <signal.h> brings. Here they mean the registers of the API.
#undef REG_R8
#undef REG_R9
#undef REG_R10
#undef REG_R11
#undef REG_R12
#undef REG_R13
#undef REG_R14
#undef REG_R15
#undef REG_RDI
#undef REG_RSI
#undef REG_RBP
#undef REG_RBX
#undef REG_RDX
#undef REG_RAX
#undef REG_RCX
#undef REG_RSP
#undef REG_RIP
#undef REG_CR2

namespace LEVEL_BASE {
namespace LEVEL_BASE = ::LEVEL_BASE;

enum REG : UINT32 {
  REG_INVALID_ = 0,
  REG_NONE = 1,
  REG_FIRST = 2,
  // General registers, 64 bits.
  REG_RDI = REG_FIRST,
  REG_RSI,
  REG_RBP,
  REG_RSP,
  REG_RBX,
  REG_RDX,
  REG_RCX,
  REG_RAX,
  REG_R8,
  REG_R9,
  REG_R10,
  REG_R11,
  REG_R12,
  REG_R13,
  REG_R14,
  REG_R15,
  // Selectors, flags, program counter.
  REG_SEG_CS,
  REG_SEG_SS,
  REG_SEG_DS,
  REG_SEG_ES,
  REG_SEG_FS,
  REG_SEG_GS,
  REG_RFLAGS,
  REG_RIP,
  // Parts of general registers.
  REG_AL,
  REG_AH,
  REG_AX,
  REG_CL,
  REG_CH,
  REG_CX,
  REG_DL,
  REG_DH,
  REG_DX,
  REG_BL,
  REG_BH,
  REG_BX,
  REG_BP,
  REG_SI,
  REG_DI,
  REG_SP,
  REG_FLAGS,
  REG_IP,
  REG_EDI,
  REG_ESI,
  REG_EBP,
  REG_ESP,
  REG_EBX,
  REG_EDX,
  REG_ECX,
  REG_EAX,
  REG_EFLAGS,
  REG_EIP,
  REG_BPL,
  REG_SIL,
  REG_DIL,
  REG_SPL,
  REG_R8B,
  REG_R9B,
  REG_R10B,
  REG_R11B,
  REG_R12B,
  REG_R13B,
  REG_R14B,
  REG_R15B,
  REG_R8W,
  REG_R9W,
  REG_R10W,
  REG_R11W,
  REG_R12W,
  REG_R13W,
  REG_R14W,
  REG_R15W,
  REG_R8D,
  REG_R9D,
  REG_R10D,
  REG_R11D,
  REG_R12D,
  REG_R13D,
  REG_R14D,
  REG_R15D,
  // MMX, SSE, AVX, AVX-512.
  REG_MM0,
  REG_MM1,
  REG_MM2,
  REG_MM3,
  REG_MM4,
  REG_MM5,
  REG_MM6,
  REG_MM7,
  REG_EMM0,
  REG_EMM1,
  REG_EMM2,
  REG_EMM3,
  REG_EMM4,
  REG_EMM5,
  REG_EMM6,
  REG_EMM7,
  REG_XMM0,
  REG_XMM1,
  REG_XMM2,
  REG_XMM3,
  REG_XMM4,
  REG_XMM5,
  REG_XMM6,
  REG_XMM7,
  REG_XMM8,
  REG_XMM9,
  REG_XMM10,
  REG_XMM11,
  REG_XMM12,
  REG_XMM13,
  REG_XMM14,
  REG_XMM15,
  REG_XMM16,
  REG_XMM17,
  REG_XMM18,
  REG_XMM19,
  REG_XMM20,
  REG_XMM21,
  REG_XMM22,
  REG_XMM23,
  REG_XMM24,
  REG_XMM25,
  REG_XMM26,
  REG_XMM27,
  REG_XMM28,
  REG_XMM29,
  REG_XMM30,
  REG_XMM31,
  REG_YMM0,
  REG_YMM1,
  REG_YMM2,
  REG_YMM3,
  REG_YMM4,
  REG_YMM5,
  REG_YMM6,
  REG_YMM7,
  REG_YMM8,
  REG_YMM9,
  REG_YMM10,
  REG_YMM11,
  REG_YMM12,
  REG_YMM13,
  REG_YMM14,
  REG_YMM15,
  REG_YMM16,
  REG_YMM17,
  REG_YMM18,
  REG_YMM19,
  REG_YMM20,
  REG_YMM21,
  REG_YMM22,
  REG_YMM23,
  REG_YMM24,
  REG_YMM25,
  REG_YMM26,
  REG_YMM27,
  REG_YMM28,
  REG_YMM29,
  REG_YMM30,
  REG_YMM31,
  REG_ZMM0,
  REG_ZMM1,
  REG_ZMM2,
  REG_ZMM3,
  REG_ZMM4,
  REG_ZMM5,
  REG_ZMM6,
  REG_ZMM7,
  REG_ZMM8,
  REG_ZMM9,
  REG_ZMM10,
  REG_ZMM11,
  REG_ZMM12,
  REG_ZMM13,
  REG_ZMM14,
  REG_ZMM15,
  REG_ZMM16,
  REG_ZMM17,
  REG_ZMM18,
  REG_ZMM19,
  REG_ZMM20,
  REG_ZMM21,
  REG_ZMM22,
  REG_ZMM23,
  REG_ZMM24,
  REG_ZMM25,
  REG_ZMM26,
  REG_ZMM27,
  REG_ZMM28,
  REG_ZMM29,
  REG_ZMM30,
  REG_ZMM31,
  REG_K0,
  REG_K1,
  REG_K2,
  REG_K3,
  REG_K4,
  REG_K5,
  REG_K6,
  REG_K7,
  REG_MXCSR,
  REG_MXCSRMASK,
  // x87.
  REG_X87,
  REG_ST0,
  REG_ST1,
  REG_ST2,
  REG_ST3,
  REG_ST4,
  REG_ST5,
  REG_ST6,
  REG_ST7,
  REG_FPCW,
  REG_FPSW,
  REG_FPTAG,
  REG_FPTAG_FULL,
  REG_FPIP_OFF,
  REG_FPIP_SEL,
  REG_FPOPCODE,
  REG_FPDP_OFF,
  REG_FPDP_SEL,
  // Control and debug registers, segment bases.
  REG_CR0,
  REG_CR1,
  REG_CR2,
  REG_CR3,
  REG_CR4,
  REG_CR5,
  REG_CR6,
  REG_CR7,
  REG_CR8,
  REG_CR9,
  REG_CR10,
  REG_CR11,
  REG_CR12,
  REG_CR13,
  REG_CR14,
  REG_CR15,
  REG_DR0,
  REG_DR1,
  REG_DR2,
  REG_DR3,
  REG_DR4,
  REG_DR5,
  REG_DR6,
  REG_DR7,
  REG_SEG_FS_BASE,
  REG_SEG_GS_BASE,
  REG_TSSR,
  REG_LDTR,
  REG_GDTR,
  REG_IDTR,
  REG_ORIG_RAX,
  // Of no machine: they belong to a tool that claims them with PIN_ClaimToolRegister.
  REG_INST_G0,
  REG_INST_G1,
  REG_INST_G2,
  REG_INST_G3,
  REG_INST_G4,
  REG_INST_G5,
  REG_INST_G6,
  REG_INST_G7,
  REG_INST_G8,
  REG_INST_G9,
  REG_INST_G10,
  REG_INST_G11,
  REG_INST_G12,
  REG_INST_G13,
  REG_INST_G14,
  REG_INST_G15,
  REG_INST_G16,
  REG_INST_G17,
  REG_INST_G18,
  REG_INST_G19,
  REG_INST_G20,
  REG_INST_G21,
  REG_INST_G22,
  REG_INST_G23,
  REG_INST_G24,
  REG_INST_G25,
  REG_INST_G26,
  REG_INST_G27,
  REG_INST_G28,
  REG_INST_G29,
  REG_INST_G0D,
  REG_INST_COND,
  REG_INST_SCRATCH,
  REG_INST_T0,
  REG_LAST,

  REG_GDI = REG_RDI,
  REG_GSI = REG_RSI,
  REG_GBP = REG_RBP,
  REG_GBX = REG_RBX,
  REG_GDX = REG_RDX,
  REG_GCX = REG_RCX,
  REG_GAX = REG_RAX,
  REG_GFLAGS = REG_RFLAGS,
  REG_STACK_PTR = REG_RSP,
  REG_INST_PTR = REG_RIP,
  REG_GR_BASE = REG_RDI,
  REG_GR_LAST = REG_R15,
  REG_MM_BASE = REG_MM0,
  REG_MM_LAST = REG_MM7,
  REG_EMM_BASE = REG_EMM0,
  REG_EMM_LAST = REG_EMM7,
  REG_XMM_BASE = REG_XMM0,
  REG_XMM_SSE_LAST = REG_XMM15,
  REG_XMM_LAST = REG_XMM31,
  REG_YMM_BASE = REG_YMM0,
  REG_YMM_LAST = REG_YMM31,
  REG_ZMM_BASE = REG_ZMM0,
  REG_ZMM_LAST = REG_ZMM31,
  REG_K_BASE = REG_K0,
  REG_K_LAST = REG_K7,
  REG_ST_BASE = REG_ST0,
  REG_ST_LAST = REG_ST7,
  REG_SEG_BASE = REG_SEG_CS,
  REG_SEG_LAST = REG_SEG_GS,
  REG_CR_BASE = REG_CR0,
  REG_CR_LAST = REG_CR15,
  REG_DR_BASE = REG_DR0,
  REG_DR_LAST = REG_DR7,
  REG_INST_BASE = REG_INST_G0,
  REG_INST_LAST = REG_INST_G29,
  REG_TOOL_BASE = REG_INST_G0,
  REG_TOOL_LAST = REG_INST_G29,
  REG_STATUS_FLAGS = REG_RFLAGS,
  REG_DF_FLAG = REG_RFLAGS,
  REG_APPFLAGS = REG_RFLAGS,
  REG_SYSCALL_NUM = REG_RAX,
  REG_FPST_BASE = REG_FPCW,
  REG_FPST_LAST = REG_FPDP_SEL
};

inline constexpr REG REG_INVALID() {
  return REG_INVALID_;
}
inline constexpr BOOL REG_valid(REG reg) {
  return reg != REG_INVALID_;
}

// A register's value where it is passed by reference, or wider than 64 bits.
union PIN_REGISTER {
  UINT8 byte[64];
  UINT16 word[32];
  UINT32 dword[16];
  UINT64 qword[8];
  INT8 s_byte[64];
  INT16 s_word[32];
  INT32 s_dword[16];
  INT64 s_qword[8];
  FLT32 flt[16];
  FLT64 dbl[8];
};
static const UINT32 MAX_BYTES_PER_PIN_REG = 64;
static const UINT32 MAX_WORDS_PER_PIN_REG = MAX_BYTES_PER_PIN_REG / 2;
static const UINT32 MAX_DWORDS_PER_PIN_REG = MAX_BYTES_PER_PIN_REG / 4;
static const UINT32 MAX_QWORDS_PER_PIN_REG = MAX_BYTES_PER_PIN_REG / 8;
static const UINT32 MAX_FLOATS_PER_PIN_REG = MAX_BYTES_PER_PIN_REG / 4;
static const UINT32 MAX_DOUBLES_PER_PIN_REG = MAX_BYTES_PER_PIN_REG / 8;

// How wide a register is.
enum REGWIDTH {
  REGWIDTH_8,
  REGWIDTH_16,
  REGWIDTH_32,
  REGWIDTH_64,
  REGWIDTH_80,
  REGWIDTH_128,
  REGWIDTH_256,
  REGWIDTH_512,
  REGWIDTH_FPSTATE,
  REGWIDTH_INVALID,
  REGWIDTH_NATIVE = REGWIDTH_64
};

ISOTACH_API std::string REG_StringShort(REG reg);  // "rax"
ISOTACH_API REG REG_FullRegName(REG reg);          // of ax: rax
ISOTACH_API UINT32 REG_Size(REG reg);              // in bytes
ISOTACH_API REGWIDTH REG_Width(REG reg);
ISOTACH_API BOOL REG_is_gr(REG reg);  // whole general register
ISOTACH_API BOOL REG_is_gr8(REG reg);
ISOTACH_API BOOL REG_is_gr16(REG reg);
ISOTACH_API BOOL REG_is_gr32(REG reg);
ISOTACH_API BOOL REG_is_gr64(REG reg);
inline BOOL REG_is_gr_type(REG reg) {
  return REG_is_gr(reg);
}
ISOTACH_API BOOL REG_is_Upper8(REG reg);  // ah
ISOTACH_API BOOL REG_is_Lower8(REG reg);  // al
ISOTACH_API BOOL REG_is_Half16(REG reg);
ISOTACH_API BOOL REG_is_Half32(REG reg);
ISOTACH_API BOOL REG_is_any_gr(REG reg);
inline constexpr BOOL REG_is_mm(REG reg) {
  return reg >= REG_MM0 && reg <= REG_MM7;
}
inline constexpr BOOL REG_is_xmm(REG reg) {
  return reg >= REG_XMM0 && reg <= REG_XMM31;
}
inline constexpr BOOL REG_is_ymm(REG reg) {
  return reg >= REG_YMM0 && reg <= REG_YMM31;
}
inline constexpr BOOL REG_is_zmm(REG reg) {
  return reg >= REG_ZMM0 && reg <= REG_ZMM31;
}
inline constexpr BOOL REG_is_xmm_ymm_zmm(REG reg) {
  return reg >= REG_XMM0 && reg <= REG_ZMM31;
}
inline constexpr BOOL REG_is_k_mask(REG reg) {
  return reg >= REG_K0 && reg <= REG_K7;
}
inline constexpr BOOL REG_is_st(REG reg) {
  return reg >= REG_ST0 && reg <= REG_ST7;
}
inline constexpr BOOL REG_is_fr(REG reg) {
  return REG_is_st(reg) || reg == REG_X87;
}
inline constexpr BOOL REG_is_fr_type(REG reg) {
  return REG_is_st(reg) || REG_is_mm(reg) || REG_is_xmm_ymm_zmm(reg);
}
inline constexpr BOOL REG_is_fr_or_x87(REG reg) {
  return reg >= REG_X87 && reg <= REG_FPDP_SEL;
}
inline constexpr BOOL REG_is_in_X87(REG reg) {
  return reg >= REG_X87 && reg <= REG_FPDP_SEL;
}
inline constexpr BOOL REG_is_seg(REG reg) {
  return reg >= REG_SEG_CS && reg <= REG_SEG_GS;
}
inline constexpr BOOL REG_is_seg_base(REG reg) {
  return reg == REG_SEG_FS_BASE || reg == REG_SEG_GS_BASE;
}
inline constexpr BOOL REG_is_cr(REG reg) {
  return reg >= REG_CR0 && reg <= REG_CR15;
}
inline constexpr BOOL REG_is_dr(REG reg) {
  return reg >= REG_DR0 && reg <= REG_DR7;
}
inline constexpr BOOL REG_is_flags(REG reg) {
  return reg == REG_RFLAGS || reg == REG_EFLAGS || reg == REG_FLAGS;
}
inline constexpr BOOL REG_is_any_flags_type(REG reg) {
  return REG_is_flags(reg);
}
inline constexpr BOOL REG_is_flags_type(REG reg) {
  return REG_is_flags(reg);
}
inline constexpr BOOL REG_is_inst_ptr_type(REG reg) {
  return reg == REG_RIP || reg == REG_EIP || reg == REG_IP;
}
inline constexpr BOOL REG_is_stackptr_type(REG reg) {
  return reg == REG_RSP || reg == REG_ESP || reg == REG_SP || reg == REG_SPL;
}
inline constexpr BOOL REG_is_pin_gr(REG reg) {
  return reg >= REG_INST_G0 && reg <= REG_INST_G29;
}
inline constexpr BOOL REG_is_inst(REG reg) {
  return REG_is_pin_gr(reg);
}
inline constexpr BOOL REG_is_machine(REG reg) {
  return REG_valid(reg) && !REG_is_pin_gr(reg);
}
inline constexpr BOOL REG_is_application(REG reg) {
  return REG_is_machine(reg);
}
inline BOOL REG_is_partialreg(REG reg) {
  return REG_valid(reg) && REG_FullRegName(reg) != reg;
}
ISOTACH_API BOOL REG_valid_for_iarg_reg_value(REG reg);
ISOTACH_API REG REG_corresponding_wide_reg(REG reg);
inline REG REG_AppFlags() {
  return REG_RFLAGS;
}

// A set of registers.
class REGSET {
 public:
  REGSET() : words_() {}
  VOID set(REG reg) { words_[reg / 64] |= UINT64(1) << reg % 64; }
  VOID reset(REG reg) { words_[reg / 64] &= ~(UINT64(1) << reg % 64); }
  BOOL test(REG reg) const { return (words_[reg / 64] >> reg % 64 & 1) != 0; }
  VOID clear() { *this = REGSET(); }
  UINT32 count() const {
    UINT32 sum = 0;
    for (UINT64 word : words_) sum += BitCount(word);
    return sum;
  }

 private:
  static const UINT32 kWords = (REG_LAST + 64) / 64;
  UINT64 words_[kWords];
};
inline VOID REGSET_Clear(REGSET& set) {
  set.clear();
}
inline VOID REGSET_Insert(REGSET& set, REG reg) {
  set.set(reg);
}
inline VOID REGSET_Remove(REGSET& set, REG reg) {
  set.reset(reg);
}
inline BOOL REGSET_Contains(const REGSET& set, REG reg) {
  return set.test(reg);
}
inline UINT32 REGSET_PopCount(const REGSET& set) {
  return set.count();
}
inline BOOL REGSET_PopCountIsZero(const REGSET& set) {
  return set.count() == 0;
}
inline VOID REGSET_AddAll(REGSET& set) {
  for (UINT32 reg = REG_FIRST; reg < REG_LAST; ++reg) set.set(static_cast<REG>(reg));
}
// Takes one out; REG_INVALID() when it is empty.
inline REG REGSET_PopNext(REGSET& set) {
  for (UINT32 reg = REG_FIRST; reg < REG_LAST; ++reg) {
    if (!set.test(static_cast<REG>(reg))) continue;
    set.reset(static_cast<REG>(reg));
    return static_cast<REG>(reg);
  }
  return REG_INVALID();
}
ISOTACH_API std::string REGSET_StringShort(const REGSET& set);
ISOTACH_API std::string REGSET_StringList(const REGSET& set);

}  // namespace LEVEL_BASE

#define REG_R8 LEVEL_BASE::REG_R8
#define REG_R9 LEVEL_BASE::REG_R9
#define REG_R10 LEVEL_BASE::REG_R10
#define REG_R11 LEVEL_BASE::REG_R11
#define REG_R12 LEVEL_BASE::REG_R12
#define REG_R13 LEVEL_BASE::REG_R13
#define REG_R14 LEVEL_BASE::REG_R14
#define REG_R15 LEVEL_BASE::REG_R15
#define REG_RDI LEVEL_BASE::REG_RDI
#define REG_RSI LEVEL_BASE::REG_RSI
#define REG_RBP LEVEL_BASE::REG_RBP
#define REG_RBX LEVEL_BASE::REG_RBX
#define REG_RDX LEVEL_BASE::REG_RDX
#define REG_RAX LEVEL_BASE::REG_RAX
#define REG_RCX LEVEL_BASE::REG_RCX
#define REG_RSP LEVEL_BASE::REG_RSP
#define REG_RIP LEVEL_BASE::REG_RIP
#define REG_CR2 LEVEL_BASE::REG_CR2
