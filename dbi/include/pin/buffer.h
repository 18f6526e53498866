// Trace buffers: INS_InsertFillBuffer writes records to a buffer of each thread's own; the callback gets it
// when it is full or the thread ends, and returns the buffer to go on with.
#pragma once

#include "pin/context.h"

namespace LEVEL_BASE {

typedef VOID* (*TRACE_BUFFER_CALLBACK)(BUFFER_ID id, THREADID thread, const CONTEXT* context, VOID* buffer,
                                       UINT64 records, VOID* value);
// BUFFER_ID_INVALID: there are too many (8).
ISOTACH_API BUFFER_ID PIN_DefineTraceBuffer(size_t record_size, UINT32 pages, TRACE_BUFFER_CALLBACK function,
                                            VOID* value);
ISOTACH_API VOID* PIN_AllocateBuffer(BUFFER_ID id);
ISOTACH_API VOID PIN_DeallocateBuffer(BUFFER_ID id, VOID* buffer);
ISOTACH_API VOID* PIN_GetBufferPointer(const CONTEXT* context, BUFFER_ID id);

}  // namespace LEVEL_BASE
