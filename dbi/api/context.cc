// The registers of a thread of the program.
//
// A CONTEXT that a tool is given is the thread's own ThreadContext; one that a tool copied begins with the
// same fields, and holds behind them the vector and mask registers in whole, which otherwise stay in the
// processor.
#include <cstddef>
#include <cstring>

#include "api/hooks.h"
#include "api/instrument.h"
#include "engine/dispatch/context.h"
#include "engine/dispatch/wide_registers.h"

namespace isotach::dbi::api {
namespace {

constexpr size_t kCopied = offsetof(ThreadContext, lent);
// What a thread's own context lacks.
struct Wide {
  uint8_t vectors[32][kWidestRegister];
  uint64_t masks[8];
};
static_assert(kCopied + sizeof(Wide) <= sizeof(CONTEXT));

ThreadContext& fields(CONTEXT* context) {
  return *reinterpret_cast<ThreadContext*>(context);
}
const ThreadContext& fields(const CONTEXT* context) {
  return *reinterpret_cast<const ThreadContext*>(context);
}
bool is_live(const ThreadContext& context) {
  return context.self == &context;
}
Wide& wide(CONTEXT* context) {
  return *reinterpret_cast<Wide*>(context->opaque + kCopied);
}
const Wide& wide(const CONTEXT* context) {
  return *reinterpret_cast<const Wide*>(context->opaque + kCopied);
}

unsigned vectors_of_processor() {
  return has_mask_registers() ? 32 : 16;
}
size_t widest_of_processor() {
  return has_mask_registers() ? 64 : __builtin_cpu_supports("avx") != 0 ? 32 : 16;
}

// All of a thread's own.
void read_wide(const ThreadContext& context, Wide& to) {
  std::memset(&to, 0, sizeof to);
  for (unsigned i = 0; i < vectors_of_processor(); ++i)
    read_vector(context, i, widest_of_processor(), to.vectors[i]);
  for (unsigned i = 0; i < 8; ++i) to.masks[i] = read_mask_register(i);
}

// A vector register of which the fields do not hold all.
bool is_wide(const Argument& place) {
  if (place.value < plan_register::kVector || place.value >= plan_register::kVector + 32) return false;
  return place.size > 16 || place.value >= plan_register::kVector + 16;
}

// Where a register's bytes lie within the fields; null: not there as such.
uint8_t* bytes_of(ThreadContext& context, const Argument& place) {
  const uint64_t n = place.value;
  if (n < 16) return reinterpret_cast<uint8_t*>(&context.registers[n]) + (place.high_byte ? 1 : 0);
  if (n == plan_register::kPc) return reinterpret_cast<uint8_t*>(&context.pc);
  if (n == plan_register::kFlags) return reinterpret_cast<uint8_t*>(&context.flags);
  if (n == plan_register::kFsBase) return reinterpret_cast<uint8_t*>(&context.program_fs);
  if (n == plan_register::kGsBase) return reinterpret_cast<uint8_t*>(&context.program_gs);
  if (n == plan_register::kMxcsr) return reinterpret_cast<uint8_t*>(&context.mxcsr);
  if (n >= plan_register::kVector && n < plan_register::kVector + 16)
    return context.vectors[n - plan_register::kVector];
  if (n >= plan_register::kStackFloat && n < plan_register::kStackFloat + 8) {
    return context.x87 + 32 + (n - plan_register::kStackFloat) * 16;
  }
  if (n == plan_register::kFloatControl) return context.x87;
  if (n == plan_register::kFloatControl + 1) return context.x87 + 2;
  if (n == plan_register::kFloatControl + 2) return context.x87 + 4;
  if (n >= plan_register::kTool && n < plan_register::kTool + 32) {
    return reinterpret_cast<uint8_t*>(&context.tool_registers[n - plan_register::kTool]);
  }
  return nullptr;
}

Argument place_or_fail(REG reg, const char* function) {
  Argument place;
  if (!place_of(reg, place)) fail(std::string(function) + ": a CONTEXT has no " + REG_StringShort(reg));
  return place;
}

}  // namespace

void load_context(ThreadContext& own, const CONTEXT* context) {
  const ThreadContext& from = fields(context);
  Wide from_wide;
  if (is_live(from)) {
    read_wide(from, from_wide);
  } else {
    from_wide = wide(context);
  }
  std::memcpy(own.registers, from.registers, sizeof own.registers);
  own.flags = from.flags;
  own.pc = from.pc;
  own.program_fs = from.program_fs;
  own.program_gs = from.program_gs;
  own.mxcsr = from.mxcsr;
  std::memcpy(own.vectors, from.vectors, sizeof own.vectors);
  std::memcpy(own.x87, from.x87, sizeof own.x87);
  std::memcpy(own.tool_registers, from.tool_registers, sizeof own.tool_registers);
  for (unsigned i = 0; i < vectors_of_processor(); ++i) {
    if (i < 16) std::memcpy(from_wide.vectors[i], from.vectors[i], sizeof from.vectors[i]);
    write_vector(own, i, widest_of_processor(), from_wide.vectors[i]);
  }
  for (unsigned i = 0; i < 8; ++i) write_mask_register(i, from_wide.masks[i]);
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

VOID PIN_GetContextRegval(const CONTEXT* context, REG reg, UINT8* value) {
  const Argument place = place_or_fail(reg, "PIN_GetContextRegval");
  std::memset(value, 0, place.size);
  if (REG_is_seg(reg)) {
    // Those of every 64-bit program: see arch/x86/include/asm/segment.h.
    const UINT16 selector = reg == REG_SEG_CS ? 0x33 : reg == REG_SEG_SS ? 0x2b : 0;
    std::memcpy(value, &selector, sizeof selector);
    return;
  }
  const uint64_t n = place.value;
  if (n >= plan_register::kMask && n < plan_register::kMask + 8) {
    const auto number = static_cast<unsigned>(n - plan_register::kMask);
    const uint64_t mask = is_live(fields(context)) ? read_mask_register(number) : wide(context).masks[number];
    std::memcpy(value, &mask, place.size);
    return;
  }
  if (is_wide(place)) {
    const auto number = static_cast<unsigned>(n - plan_register::kVector);
    if (is_live(fields(context))) {
      read_vector(fields(context), number, place.size, value);
    } else {
      std::memcpy(value, wide(context).vectors[number], place.size);
      if (number < 16) std::memcpy(value, fields(context).vectors[number], 16);
    }
    return;
  }
  const uint8_t* bytes = bytes_of(const_cast<ThreadContext&>(fields(context)), place);
  if (bytes == nullptr) fail("PIN_GetContextRegval: " + REG_StringShort(reg) + " is not kept in a CONTEXT");
  std::memcpy(value, bytes, place.size);
}

VOID PIN_SetContextRegval(CONTEXT* context, REG reg, const UINT8* value) {
  const Argument place = place_or_fail(reg, "PIN_SetContextRegval");
  const uint64_t n = place.value;
  if (n >= plan_register::kMask && n < plan_register::kMask + 8) {
    const auto number = static_cast<unsigned>(n - plan_register::kMask);
    uint64_t mask = 0;
    std::memcpy(&mask, value, place.size);
    if (is_live(fields(context))) {
      write_mask_register(number, mask);
    } else {
      wide(context).masks[number] = mask;
    }
    return;
  }
  if (is_wide(place)) {
    const auto number = static_cast<unsigned>(n - plan_register::kVector);
    if (is_live(fields(context))) {
      write_vector(fields(context), number, place.size, value);
    } else {
      std::memcpy(wide(context).vectors[number], value, place.size);
      if (number < 16) std::memcpy(fields(context).vectors[number], value, 16);
    }
    return;
  }
  uint8_t* bytes = bytes_of(fields(context), place);
  if (bytes == nullptr) fail("PIN_SetContextRegval: " + REG_StringShort(reg) + " cannot be set");
  std::memcpy(bytes, value, place.size);
  if (place.size == 4 && place.value < 16) std::memset(bytes + 4, 0, 4);  // as the processor does
}

ADDRINT PIN_GetContextReg(const CONTEXT* context, REG reg) {
  const Argument place = place_or_fail(reg, "PIN_GetContextReg");
  if (place.size > 8)
    fail("PIN_GetContextReg: " + REG_StringShort(reg) + " is wider: use PIN_GetContextRegval");
  ADDRINT value = 0;
  PIN_GetContextRegval(context, reg, reinterpret_cast<UINT8*>(&value));
  return value;
}
VOID PIN_SetContextReg(CONTEXT* context, REG reg, ADDRINT value) {
  const Argument place = place_or_fail(reg, "PIN_SetContextReg");
  if (place.size > 8)
    fail("PIN_SetContextReg: " + REG_StringShort(reg) + " is wider: use PIN_SetContextRegval");
  PIN_SetContextRegval(context, reg, reinterpret_cast<const UINT8*>(&value));
}

VOID PIN_SaveContext(const CONTEXT* from, CONTEXT* to) {
  if (from == to) return;
  std::memcpy(to->opaque, from->opaque, kCopied);
  if (is_live(fields(from))) {
    read_wide(fields(from), wide(to));
  } else {
    wide(to) = wide(from);
  }
  if (fields(to).self == &fields(to)) fields(to).self = nullptr;
}

BOOL PIN_SupportsProcessorState(UINT32 state) {
  switch (state) {
    case PROCESSOR_STATE_X87:
    case PROCESSOR_STATE_XMM:
      return TRUE;
    case PROCESSOR_STATE_YMM:
      return __builtin_cpu_supports("avx") != 0;
    case PROCESSOR_STATE_ZMM:
      return has_mask_registers();
    default:
      return FALSE;
  }
}
BOOL PIN_ContextContainsState(const CONTEXT*, UINT32 state) {
  return PIN_SupportsProcessorState(state);
}

VOID PIN_GetContextFPState(const CONTEXT* context, FPSTATE* state) {
  const ThreadContext& from = fields(context);
  FXSAVE& out = state->fxsave_legacy;
  std::memcpy(&out, from.x87, sizeof out);
  std::memcpy(out._xmms, from.vectors, sizeof out._xmms);
  out._mxcsr = from.mxcsr;
}
VOID PIN_SetContextFPState(CONTEXT* context, const FPSTATE* state) {
  ThreadContext& to = fields(context);
  const FXSAVE& in = state->fxsave_legacy;
  std::memcpy(to.x87, &in, sizeof to.x87);
  std::memcpy(to.vectors, in._xmms, sizeof to.vectors);
  to.mxcsr = in._mxcsr;
}

// Of a register in use: 0 valid, 1 zero, 2 special, by its exponent and the first bit of its mantissa.
UINT16 REG_ConvertX87AbridgedTagToFull(const FXSAVE* state) {
  constexpr UINT64 kFirstBit = UINT64{1} << 63;
  constexpr UINT16 kExponent = 0x7fff;
  const UINT32 top = state->_fsw >> 11 & 7;
  UINT32 full = 0;
  for (UINT32 i = 0; i < 8; ++i) {
    UINT32 tag = 3;
    if ((state->_ftw >> i & 1) != 0) {
      const FXREG& value = state->_sts[(i - top) & 7];
      const UINT64 mantissa = value._raw64._lo;
      const auto exponent = static_cast<UINT16>(value._raw64._hi & kExponent);
      const bool is_normal = exponent != 0 && exponent != kExponent && (mantissa & kFirstBit) != 0;
      tag = is_normal ? 0 : exponent == 0 && mantissa == 0 ? 1 : 2;
    }
    full |= tag << (2 * i);
  }
  return static_cast<UINT16>(full);
}
UINT8 REG_ConvertX87FullTagToAbridged(UINT16 full) {
  UINT32 abridged = 0;
  for (UINT32 i = 0; i < 8; ++i) abridged |= ((full >> (2 * i) & 3) != 3 ? 1u : 0u) << i;
  return static_cast<UINT8>(abridged);
}
REGSET PIN_GetFullContextRegsSet() {
  REGSET all;
  for (UINT32 i = REG_FIRST; i < REG_LAST; ++i) {
    const REG reg = static_cast<REG>(i);
    Argument where;
    if (REG_is_application(reg) && !REG_is_partialreg(reg) && place_of(reg, where)) REGSET_Insert(all, reg);
  }
  return all;
}

VOID PIN_ExecuteAt(const CONTEXT* context) {
  ThreadContext* own = this_thread();
  if (own == nullptr) fail("PIN_ExecuteAt: this thread does not run the program");
  if (&fields(context) != own) load_context(*own, context);
  go_on_at(*own);
}

VOID PIN_InitExceptionInfo(EXCEPTION_INFO* info, EXCEPTION_CODE code, ADDRINT address) {
  *info = EXCEPTION_INFO();
  info->code_ = code;
  info->address_ = address;
}
VOID PIN_InitAccessFaultInfo(EXCEPTION_INFO* info, EXCEPTION_CODE code, ADDRINT address, ADDRINT access,
                             FAULTY_ACCESS_TYPE type) {
  PIN_InitExceptionInfo(info, code, address);
  info->access_ = access;
  info->type_ = type;
}
EXCEPTION_CODE PIN_GetExceptionCode(const EXCEPTION_INFO* info) {
  return info->code_;
}
EXCEPTION_CLASS PIN_GetExceptionClass(EXCEPTION_CODE code) {
  if (code == EXCEPTCODE_NONE) return EXCEPTCLASS_NONE;
  if (code <= EXCEPTCODE_ACCESS_MISALIGNED) return EXCEPTCLASS_ACCESS_FAULT;
  if (code <= EXCEPTCODE_PRIVILEGED_INS) return EXCEPTCLASS_ILLEGAL_INS;
  if (code <= EXCEPTCODE_INT_BOUNDS_EXCEEDED) return EXCEPTCLASS_INT_ERROR;
  if (code <= EXCEPTCODE_SIMD_INVALID_OPERATION) return EXCEPTCLASS_FP_ERROR;
  if (code <= EXCEPTCODE_DBG_SINGLE_STEP_TRAP) return EXCEPTCLASS_DEBUG;
  return EXCEPTCLASS_UNKNOWN;
}
ADDRINT PIN_GetExceptionAddress(const EXCEPTION_INFO* info) {
  return info->address_;
}
VOID PIN_SetExceptionAddress(EXCEPTION_INFO* info, ADDRINT address) {
  info->address_ = address;
}
BOOL PIN_GetFaultyAccessAddress(const EXCEPTION_INFO* info, ADDRINT* address) {
  if (PIN_GetExceptionClass(info->code_) != EXCEPTCLASS_ACCESS_FAULT) return FALSE;
  *address = info->access_;
  return TRUE;
}
FAULTY_ACCESS_TYPE PIN_GetFaultyAccessType(const EXCEPTION_INFO* info) {
  return info->type_;
}
std::string PIN_ExceptionToString(const EXCEPTION_INFO* info) {
  static const char* const kNames[] = {"none",
                                       "unknown",
                                       "access to memory that cannot be",
                                       "illegal instruction",
                                       "integer error",
                                       "floating-point error",
                                       "floating-point errors",
                                       "debug trap",
                                       "system"};
  std::string text = kNames[PIN_GetExceptionClass(info->code_)];
  text += " at " + hexstr(info->address_);
  if (PIN_GetExceptionClass(info->code_) == EXCEPTCLASS_ACCESS_FAULT)
    text += ", address " + hexstr(info->access_);
  return text;
}

}  // namespace LEVEL_BASE
