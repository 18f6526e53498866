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
ISOTACH_API VOID BBL_InsertCall(BBL bbl, IPOINT place, AFUNPTR function, ...);
ISOTACH_API VOID BBL_InsertIfCall(BBL bbl, IPOINT place, AFUNPTR function, ...);
ISOTACH_API VOID BBL_InsertThenCall(BBL bbl, IPOINT place, AFUNPTR function, ...);

}  // namespace LEVEL_BASE
