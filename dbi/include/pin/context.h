// The registers of a thread of the program: given to analysis routines and callbacks, copied, changed,
// executed. Faults and signals.
#pragma once

#include "pin/reg.h"

namespace LEVEL_BASE {

// What it holds is reached by functions only.
struct alignas(64) CONTEXT {
  UINT8 opaque[4096];
};
typedef CONTEXT PHYSICAL_CONTEXT;

ISOTACH_API ADDRINT PIN_GetContextReg(const CONTEXT* context, REG reg);
ISOTACH_API VOID PIN_SetContextReg(CONTEXT* context, REG reg, ADDRINT value);
// Of any width: `value` has room for REG_Size(reg) bytes.
ISOTACH_API VOID PIN_GetContextRegval(const CONTEXT* context, REG reg, UINT8* value);
ISOTACH_API VOID PIN_SetContextRegval(CONTEXT* context, REG reg, const UINT8* value);
inline VOID PIN_ReadContextReg(const CONTEXT* context, REG reg, VOID* value, UINT32) {
  PIN_GetContextRegval(context, reg, static_cast<UINT8*>(value));
}
ISOTACH_API VOID PIN_SaveContext(const CONTEXT* from, CONTEXT* to);
ISOTACH_API BOOL PIN_SupportsProcessorState(UINT32 state);
ISOTACH_API BOOL PIN_ContextContainsState(const CONTEXT* context, UINT32 state);
enum PROCESSOR_STATE {
  PROCESSOR_STATE_X87 = 1,
  PROCESSOR_STATE_XMM = 2,
  PROCESSOR_STATE_YMM = 4,
  PROCESSOR_STATE_ZMM = 8
};

// The x87 and SSE registers as fxsave writes them.
union FXREG {
  UINT8 _raw[16];
  struct {
    UINT64 _lo, _hi;
  } _raw64;
};
union XMMREG {
  UINT8 _vec8[16];
  UINT16 _vec16[8];
  UINT32 _vec32[4];
  UINT64 _vec64[2];
};
struct alignas(16) FXSAVE {
  UINT16 _fcw, _fsw;
  UINT8 _ftw, _pad1;
  UINT16 _fop;
  UINT64 _fpuip, _fpudp;
  UINT32 _mxcsr, _mxcsrmask;
  FXREG _sts[8];
  XMMREG _xmms[16];
  UINT8 _pad2[96];
};
struct FPSTATE {
  FXSAVE fxsave_legacy;
};
ISOTACH_API VOID PIN_GetContextFPState(const CONTEXT* context, FPSTATE* state);
ISOTACH_API VOID PIN_SetContextFPState(CONTEXT* context, const FPSTATE* state);
inline VOID PIN_GetPhysicalContextFPState(const PHYSICAL_CONTEXT* context, FPSTATE* state) {
  PIN_GetContextFPState(context, state);
}
inline VOID PIN_SetPhysicalContextFPState(PHYSICAL_CONTEXT* context, const FPSTATE* state) {
  PIN_SetContextFPState(context, state);
}
// The x87 tag word: two bits a register as fnstenv(2) has them, or one as fxsave has it.
ISOTACH_API UINT16 REG_ConvertX87AbridgedTagToFull(const FXSAVE* state);
ISOTACH_API UINT8 REG_ConvertX87FullTagToAbridged(UINT16 full);
// All registers of the program that a CONTEXT holds.
ISOTACH_API REGSET PIN_GetFullContextRegsSet();
static const UINT32 FPSTATE_SIZE = sizeof(FPSTATE);
static const UINT32 FPSTATE_ALIGNMENT = 16;

// Goes on in the program with these registers instead of returning.
[[noreturn]] ISOTACH_API VOID PIN_ExecuteAt(const CONTEXT* context);

enum EXCEPTION_CODE : UINT32 {
  EXCEPTCODE_NONE,
  EXCEPTCODE_ACCESS_INVALID_ADDRESS,
  EXCEPTCODE_ACCESS_DENIED,
  EXCEPTCODE_ACCESS_INVALID_PAGE,
  EXCEPTCODE_ACCESS_MISALIGNED,
  EXCEPTCODE_ILLEGAL_INS,
  EXCEPTCODE_PRIVILEGED_INS,
  EXCEPTCODE_INT_DIVIDE_BY_ZERO,
  EXCEPTCODE_INT_OVERFLOW_TRAP,
  EXCEPTCODE_INT_BOUNDS_EXCEEDED,
  EXCEPTCODE_X87_DIVIDE_BY_ZERO,
  EXCEPTCODE_X87_OVERFLOW,
  EXCEPTCODE_X87_UNDERFLOW,
  EXCEPTCODE_X87_INEXACT_RESULT,
  EXCEPTCODE_X87_INVALID_OPERATION,
  EXCEPTCODE_X87_DENORMAL_OPERAND,
  EXCEPTCODE_X87_STACK_ERROR,
  EXCEPTCODE_SIMD_DIVIDE_BY_ZERO,
  EXCEPTCODE_SIMD_OVERFLOW,
  EXCEPTCODE_SIMD_UNDERFLOW,
  EXCEPTCODE_SIMD_INEXACT_RESULT,
  EXCEPTCODE_SIMD_DENORMAL_OPERAND,
  EXCEPTCODE_SIMD_INVALID_OPERATION,
  EXCEPTCODE_DBG_BREAKPOINT_TRAP,
  EXCEPTCODE_DBG_SINGLE_STEP_TRAP,
  EXCEPTCODE_RECEIVED_UNKNOWN,
};
enum EXCEPTION_CLASS {
  EXCEPTCLASS_NONE,
  EXCEPTCLASS_UNKNOWN,
  EXCEPTCLASS_ACCESS_FAULT,
  EXCEPTCLASS_ILLEGAL_INS,
  EXCEPTCLASS_INT_ERROR,
  EXCEPTCLASS_FP_ERROR,
  EXCEPTCLASS_MULTIPLE_FP_ERROR,
  EXCEPTCLASS_DEBUG,
  EXCEPTCLASS_OS
};
enum FAULTY_ACCESS_TYPE {
  FAULTY_ACCESS_TYPE_UNKNOWN,
  FAULTY_ACCESS_READ,
  FAULTY_ACCESS_WRITE,
  FAULTY_ACCESS_EXECUTE
};

class EXCEPTION_INFO {
 public:
  EXCEPTION_INFO()
      : code_(EXCEPTCODE_NONE), address_(0), access_(0), type_(FAULTY_ACCESS_TYPE_UNKNOWN), signal_(0) {}
  EXCEPTION_CODE GetCode() const { return code_; }
  ADDRINT GetAddress() const { return address_; }
  EXCEPTION_CODE code_;
  ADDRINT address_, access_;
  FAULTY_ACCESS_TYPE type_;
  INT32 signal_;
};
ISOTACH_API VOID PIN_InitExceptionInfo(EXCEPTION_INFO* info, EXCEPTION_CODE code, ADDRINT address);
ISOTACH_API VOID PIN_InitAccessFaultInfo(EXCEPTION_INFO* info, EXCEPTION_CODE code, ADDRINT address,
                                         ADDRINT access, FAULTY_ACCESS_TYPE type);
ISOTACH_API EXCEPTION_CODE PIN_GetExceptionCode(const EXCEPTION_INFO* info);
ISOTACH_API EXCEPTION_CLASS PIN_GetExceptionClass(EXCEPTION_CODE code);
ISOTACH_API ADDRINT PIN_GetExceptionAddress(const EXCEPTION_INFO* info);
ISOTACH_API VOID PIN_SetExceptionAddress(EXCEPTION_INFO* info, ADDRINT address);
ISOTACH_API BOOL PIN_GetFaultyAccessAddress(const EXCEPTION_INFO* info, ADDRINT* address);
ISOTACH_API FAULTY_ACCESS_TYPE PIN_GetFaultyAccessType(const EXCEPTION_INFO* info);
ISOTACH_API std::string PIN_ExceptionToString(const EXCEPTION_INFO* info);
[[noreturn]] ISOTACH_API VOID PIN_RaiseException(const CONTEXT* context, THREADID thread,
                                                 const EXCEPTION_INFO* info);

}  // namespace LEVEL_BASE
