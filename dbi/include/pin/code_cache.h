// The engine's own translations of the program: how many there are, how much room they take, when they come
// and go.
#pragma once

#include "pin/process.h"
#include "pin/trace.h"

namespace LEVEL_BASE {

// Before the program's first instruction.
typedef VOID (*CACHEINIT_CALLBACK)();
ISOTACH_API VOID CODECACHE_AddCacheInitFunction(CACHEINIT_CALLBACK function, VOID* unused);
// All translations have been forgotten: the cache was full, or the tool asked for it.
typedef VOID (*CACHEFLUSHED_CALLBACK)();
ISOTACH_API VOID CODECACHE_AddCacheFlushedFunction(CACHEFLUSHED_CALLBACK function, VOID* unused);
// A trace, with what the tool has asked for, has been translated. Valid during the callback.
typedef VOID (*TRACE_INSERTED_CALLBACK)(TRACE trace, VOID* value);
ISOTACH_API VOID CODECACHE_AddTraceInsertedFunction(TRACE_INSERTED_CALLBACK function, VOID* value);
// Of the trace of that callback: bytes of its code, and where that is.
ISOTACH_API USIZE TRACE_CodeCacheSize(TRACE trace);
ISOTACH_API ADDRINT TRACE_CodeCacheAddress(TRACE trace);

// Translations of that code are made anew when it runs next, and the tool is asked again. Returns 1.
ISOTACH_API UINT32 CODECACHE_InvalidateRange(ADDRINT first, ADDRINT last);
ISOTACH_API UINT32 CODECACHE_InvalidateTraceAtProgramAddress(ADDRINT address);
ISOTACH_API BOOL CODECACHE_FlushCache();

// In bytes.
ISOTACH_API USIZE CODECACHE_CodeMemUsed();
ISOTACH_API USIZE CODECACHE_CacheSizeLimit();
// Where it is full: then all translations are forgotten. Of at least 1 MiB.
ISOTACH_API BOOL CODECACHE_ChangeCacheLimit(USIZE bytes);
ISOTACH_API UINT32 CODECACHE_NumTracesInCache();
// Of traces that are translated from now on. FALSE: not from 1 to 4096 instructions, or 1 to 16 blocks.
ISOTACH_API BOOL CODECACHE_ChangeMaxInsPerTrace(UINT32 most);
ISOTACH_API BOOL CODECACHE_ChangeMaxBblsPerTrace(UINT32 most);
// The program's address of an address in the cache, 0 where that is none.
ISOTACH_API ADDRINT CODECACHE_OriginalAddress(ADDRINT cache_address);

}  // namespace LEVEL_BASE
