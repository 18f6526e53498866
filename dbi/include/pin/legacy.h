// Names of old kits, and small functions that few tools use.
#pragma once

// Tools for old kits name containers std::tr1::unordered_map.
#include <tr1/unordered_map>
#include <tr1/unordered_set>

#include "pin/image.h"
#include "pin/ins.h"
#include "pin/process.h"
#include "pin/trace.h"

// Of the C library of other kits.
#ifndef sprintf_s
#define sprintf_s snprintf
#endif
#ifndef snprintf_s
#define snprintf_s snprintf
#endif
#ifndef strnlen_s
#define strnlen_s(text, most) ((text) != nullptr ? strnlen((text), (most)) : size_t{0})
#endif
// The compiler's kind, as headers of other kits say it.
#ifndef PIN_GNU_COMPATIBLE
#define PIN_GNU_COMPATIBLE
#endif

namespace LEVEL_BASE {

inline INT32 getpid_portable() {
  return static_cast<INT32>(PIN_GetPid());
}
// Whether addresses are printed with 0x: they always are.
inline VOID SetAddress0x(BOOL) {}

inline OPCODE OPCODE_INVALID() {
  return static_cast<OPCODE>(0);
}
inline BOOL OPCODE_valid(OPCODE opcode) {
  return opcode != OPCODE_INVALID();
}
inline VOID CALLBACK_SetExecutionPriority(PIN_CALLBACK callback, INT32 priority) {
  CALLBACK_SetExecutionOrder(callback, static_cast<CALL_ORDER>(priority));
}
inline INT32 CALLBACK_GetExecutionPriority(PIN_CALLBACK callback) {
  return CALLBACK_GetExecutionOrder(callback);
}

// A PHYSICAL_CONTEXT is a CONTEXT whose registers are those of the tool's own code.
inline ADDRINT PIN_GetPhysicalContextReg(const PHYSICAL_CONTEXT* context, REG reg) {
  return PIN_GetContextReg(context, reg);
}
inline VOID PIN_SetPhysicalContextReg(PHYSICAL_CONTEXT* context, REG reg, ADDRINT value) {
  PIN_SetContextReg(context, reg, value);
}

// Self-modifying code is always recognised.
enum SMC_ENABLE_DISABLE_TYPE { SMC_DISABLE, SMC_ENABLE };
inline VOID PIN_SetSmcSupport(SMC_ENABLE_DISABLE_TYPE) {}

// Memory is never reserved before the program runs (restrict_memory of other engines).
inline BOOL PIN_WasMemoryReservedInLoadTime() {
  return FALSE;
}

// Of the program's threads, when a tool was attached to it: those told of by PIN_AddThreadStartFunction.
inline PIN_CALLBACK PIN_AddThreadAttachFunction(THREAD_START_CALLBACK function, VOID* value) {
  return PIN_AddThreadStartFunction(function, value);
}

}  // namespace LEVEL_BASE
