// Probe mode: functions are replaced, and calls inserted at their entry and exit, while the rest of the
// program runs as it is. This engine does the same by translating the program: what a tool sees and what the
// program does is the same, also in functions too short for a jump to be written over, but the rest of the
// program does not run at its native speed. So each routine is safe.
#pragma once

#include "pin/image.h"
#include "pin/process.h"

namespace LEVEL_BASE {

enum PROBE_MODE {
  PROBE_MODE_DEFAULT = 0,
  PROBE_MODE_ALLOW_RELOCATION = 1,
  PROBE_MODE_ALLOW_POTENTIAL_BRANCH_TARGET = 2
};

// Whether the routine can be replaced, or have calls: every one that has code.
ISOTACH_API BOOL RTN_IsSafeForProbedInsertion(RTN rtn);
ISOTACH_API BOOL RTN_IsSafeForProbedInsertionEx(RTN rtn, PROBE_MODE mode);
ISOTACH_API BOOL RTN_IsSafeForProbedReplacement(RTN rtn);
ISOTACH_API BOOL RTN_IsSafeForProbedReplacementEx(RTN rtn, PROBE_MODE mode);

// The program calls `function`, of the tool, instead of the routine. The result is a function that the tool
// may call: the routine without its replacement.
ISOTACH_API AFUNPTR RTN_ReplaceProbed(RTN rtn, AFUNPTR function);
ISOTACH_API AFUNPTR RTN_ReplaceProbedEx(RTN rtn, PROBE_MODE mode, AFUNPTR function);
// The same with a PROTO and a list of IARG_ values for `function`.
ISOTACH_API AFUNPTR RTN_ReplaceSignatureProbed(RTN rtn, AFUNPTR function, ...);
ISOTACH_API AFUNPTR RTN_ReplaceSignatureProbedEx(RTN rtn, PROBE_MODE mode, AFUNPTR function, ...);

// IPOINT_BEFORE and IPOINT_AFTER of a routine, with a list of IARG_ values.
ISOTACH_API VOID RTN_InsertCallProbed(RTN rtn, IPOINT place, AFUNPTR function, ...);
ISOTACH_API BOOL RTN_InsertCallProbedEx(RTN rtn, IPOINT place, PROBE_MODE mode, AFUNPTR function, ...);

// Whether code can be inserted at this address: where the program has some.
ISOTACH_API BOOL PIN_IsSafeForProbedInsertion(ADDRINT address);

// As their namesakes outside of probe mode.
inline VOID PIN_DetachProbed() {
  PIN_Detach();
}
typedef VOID (*PROBE_DETACH_CALLBACK)(VOID* value);
inline PIN_CALLBACK PIN_AddDetachFunctionProbed(PROBE_DETACH_CALLBACK function, VOID* value) {
  return PIN_AddDetachFunction(function, value);
}

}  // namespace LEVEL_BASE
