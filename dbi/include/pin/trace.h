// Traces: straight code, entered at the top, left at any conditional branch, ended by an unconditional one.
// Basic blocks are their parts. Valid during the callback that hands them out.
#pragma once

#include "pin/arguments.h"

namespace LEVEL_BASE {

typedef VOID (*TRACE_INSTRUMENT_CALLBACK)(TRACE trace, VOID* value);
ISOTACH_API PIN_CALLBACK TRACE_AddInstrumentFunction(TRACE_INSTRUMENT_CALLBACK function, VOID* value);
ISOTACH_API ADDRINT TRACE_Address(TRACE trace);
ISOTACH_API USIZE TRACE_Size(TRACE trace);
ISOTACH_API UINT32 TRACE_NumBbl(TRACE trace);
ISOTACH_API UINT32 TRACE_NumIns(TRACE trace);
ISOTACH_API BOOL TRACE_Original(TRACE trace);
ISOTACH_API BOOL TRACE_HasFallThrough(TRACE trace);
ISOTACH_API BBL TRACE_BblHead(TRACE trace);
ISOTACH_API BBL TRACE_BblTail(TRACE trace);
ISOTACH_API RTN TRACE_Rtn(TRACE trace);
// Code may be translated in several versions, which a tool names by numbers of its own and instruments in
// different ways: full and light, say. The program begins in version 0, and a thread stays in the version
// that it is in until BBL_SetTargetVersion or INS_InsertVersionCase leads it to another one. PIN_ExecuteAt
// goes on in version 0, and functions that are called by PIN_CallApplicationFunction begin there.
ISOTACH_API ADDRINT TRACE_Version(TRACE trace);
ISOTACH_API VOID TRACE_InsertCall(TRACE trace, IPOINT place, AFUNPTR function, ...);
ISOTACH_API VOID TRACE_InsertIfCall(TRACE trace, IPOINT place, AFUNPTR function, ...);
ISOTACH_API VOID TRACE_InsertThenCall(TRACE trace, IPOINT place, AFUNPTR function, ...);

ISOTACH_API ADDRINT BBL_Address(BBL bbl);
ISOTACH_API USIZE BBL_Size(BBL bbl);
ISOTACH_API UINT32 BBL_NumIns(BBL bbl);
ISOTACH_API INS BBL_InsHead(BBL bbl);
ISOTACH_API INS BBL_InsTail(BBL bbl);
ISOTACH_API BBL BBL_Next(BBL bbl);
ISOTACH_API BBL BBL_Prev(BBL bbl);
ISOTACH_API BOOL BBL_Original(BBL bbl);
ISOTACH_API BOOL BBL_HasFallThrough(BBL bbl);
// Wherever the program goes from this block, it goes on in that version. The rest of the trace is left off.
ISOTACH_API VOID BBL_SetTargetVersion(BBL bbl, ADDRINT version);
ISOTACH_API VOID BBL_InsertCall(BBL bbl, IPOINT place, AFUNPTR function, ...);
ISOTACH_API VOID BBL_InsertIfCall(BBL bbl, IPOINT place, AFUNPTR function, ...);
ISOTACH_API VOID BBL_InsertThenCall(BBL bbl, IPOINT place, AFUNPTR function, ...);

// Before `ins`: where the register, a general one or one of PIN_ClaimToolRegister, has this value, the
// program goes on at `ins` in that version. Several cases of one instruction make a switch. Ends with
// IARG_END, before which IARG_CALL_ORDER may come.
ISOTACH_API VOID INS_InsertVersionCase(INS ins, REG reg, INT32 value, ADDRINT version, ...);

}  // namespace LEVEL_BASE
