// Functions that this engine does not have. A tool that calls one does not compile, and the compiler says
// why. They are declared so that what is missing is said by name; docs/pin/coverage.md lists them.
#pragma once

#include "pin/image.h"
#include "pin/process.h"
#include "pin/xed.h"

#define ISOTACH_UNSUPPORTED(why) __attribute__((error("Isotach's engine does not have this function: " why)))

namespace LEVEL_BASE {

// Addresses of memory operands as a tool wants them.
ISOTACH_UNSUPPORTED("memory operands cannot be redirected")
VOID INS_RewriteScatteredMemoryOperand(INS ins, UINT32 index);
struct PIN_MEM_TRANS_INFO;
struct PIN_MEM_TRANS_FLAGS;
typedef ADDRINT (*MEMORY_ADDR_TRANS_CALLBACK)(PIN_MEM_TRANS_INFO* info, VOID* value);
ISOTACH_UNSUPPORTED("memory addresses cannot be translated")
VOID PIN_AddMemoryAddressTransFunction(MEMORY_ADDR_TRANS_CALLBACK function, VOID* value);
ISOTACH_UNSUPPORTED("memory addresses cannot be translated")
MEMORY_ADDR_TRANS_CALLBACK PIN_GetMemoryAddressTransFunction();

// Replay of another run's images, system calls and signals.
enum REPLAY_MODE { REPLAY_MODE_NONE, REPLAY_MODE_IMAGEOPS, REPLAY_MODE_SYSCALLS, REPLAY_MODE_ALL };
ISOTACH_UNSUPPORTED("runs are not replayed") VOID PIN_SetReplayMode(UINT32 mode);
ISOTACH_UNSUPPORTED("runs are not replayed")
VOID PIN_ReplayContextChange(THREADID thread, const CONTEXT* from, CONTEXT* to, CONTEXT_CHANGE_REASON reason,
                             INT32 info);
ISOTACH_UNSUPPORTED("runs are not replayed")
VOID PIN_ReplaySyscallEntry(THREADID thread, CONTEXT* context, SYSCALL_STANDARD standard);
ISOTACH_UNSUPPORTED("runs are not replayed")
VOID PIN_ReplaySyscallExit(THREADID thread, CONTEXT* context, SYSCALL_STANDARD standard);
ISOTACH_UNSUPPORTED("runs are not replayed") VOID IMG_ReplayImageLoad(IMG img);
ISOTACH_UNSUPPORTED("runs are not replayed") VOID IMG_ReplayImageUnload(IMG img);
ISOTACH_UNSUPPORTED("runs are not replayed") VOID PIN_ReplayImageLoad(IMG img);
ISOTACH_UNSUPPORTED("runs are not replayed") VOID PIN_ReplayImageUnload(IMG img);
ISOTACH_UNSUPPORTED("the program's dynamic linker is not observed")
VOID IMG_SetLoaderInfo(IMG img, LINUX_LOADER_IMAGE_INFO* info);
ISOTACH_UNSUPPORTED("the program's threads are made by the program")
BOOL PIN_SpawnApplicationThread(const CONTEXT* context);

// Of a code cache that is made of blocks and whose jumps are told of one by one.
ISOTACH_UNSUPPORTED("the code cache has no such parts or events")
VOID CODECACHE_AddTraceLinkedFunction(VOID (*function)(ADDRINT, ADDRINT), VOID* value);
ISOTACH_UNSUPPORTED("the code cache has no such parts or events")
VOID CODECACHE_AddTraceUnlinkedFunction(VOID (*function)(ADDRINT, ADDRINT), VOID* value);
ISOTACH_UNSUPPORTED("the code cache has no such parts or events")
VOID CODECACHE_AddTraceInvalidatedFunction(VOID (*function)(ADDRINT, ADDRINT, BOOL), VOID* value);
ISOTACH_UNSUPPORTED("the code cache has no such parts or events")
VOID CODECACHE_AddFullCacheFunction(VOID (*function)(USIZE, USIZE), VOID* value);
ISOTACH_UNSUPPORTED("the code cache has no such parts or events")
VOID CODECACHE_AddCacheBlockFunction(VOID (*function)(USIZE), VOID* value);
ISOTACH_UNSUPPORTED("the code cache has no such parts or events")
VOID CODECACHE_AddCodeCacheEnteredFunction(VOID (*function)(ADDRINT), VOID* value);
ISOTACH_UNSUPPORTED("the code cache has no such parts or events")
VOID CODECACHE_AddCodeCacheExitedFunction(VOID (*function)(ADDRINT), VOID* value);
ISOTACH_UNSUPPORTED("the code cache has no such parts or events") USIZE CODECACHE_CodeMemReserved();
ISOTACH_UNSUPPORTED("the code cache has no such parts or events") USIZE CODECACHE_DirectoryMemUsed();
ISOTACH_UNSUPPORTED("the code cache has no such parts or events") UINT32 CODECACHE_NumExitStubsInCache();
ISOTACH_UNSUPPORTED("the code cache has no such parts or events") USIZE CODECACHE_LinkBytes();
ISOTACH_UNSUPPORTED("the code cache has no such parts or events") USIZE CODECACHE_ExitStubBytes();
ISOTACH_UNSUPPORTED("the code cache has no such parts or events") USIZE CODECACHE_BlockSize();
ISOTACH_UNSUPPORTED("the code cache has no such parts or events") BOOL CODECACHE_ChangeBlockSize(USIZE bytes);
ISOTACH_UNSUPPORTED("the code cache has no such parts or events") VOID CODECACHE_CreateNewCacheBlock();
ISOTACH_UNSUPPORTED("changed code is translated anew by itself, and the tool is asked again")
VOID TRACE_AddSmcDetectedFunction(VOID (*function)(ADDRINT, ADDRINT, VOID*), VOID* value);

// Registers and breakpoints of a debugger that a tool would make up.
ISOTACH_UNSUPPORTED("the debugger sets and removes its breakpoints itself")
VOID PIN_ResetBreakpointAt(ADDRINT address);
ISOTACH_UNSUPPORTED("PIN_ApplicationBreakpoint stops its thread at once")
BOOL PIN_GetStoppedThreadPendingToolBreakpoint(THREADID thread, std::string* message);
ISOTACH_UNSUPPORTED("PIN_ApplicationBreakpoint stops its thread at once")
BOOL PIN_ChangePendingToolBreakpointOnStoppedThread(THREADID thread, BOOL squash, const std::string& message);
ISOTACH_UNSUPPORTED("a debugger sees the program's own registers only")
VOID PIN_AddDebuggerRegisterEmulator(UINT32 count, const VOID* descriptions, VOID* get, VOID* set,
                                     VOID* description, VOID* value);

// Probe mode's threads.
ISOTACH_UNSUPPORTED("in probe mode too, PIN_AddThreadStartFunction tells of all threads")
PIN_CALLBACK PIN_AddThreadAttachProbedFunction(VOID (*function)(VOID*, VOID*), VOID* value);
ISOTACH_UNSUPPORTED("PIN_AddDetachFunction tells when all threads are let go")
PIN_CALLBACK PIN_AddThreadDetachProbedFunction(VOID (*function)(VOID*, VOID*), VOID* value);
ISOTACH_UNSUPPORTED("PIN_AddDetachFunction tells when all threads are let go")
PIN_CALLBACK PIN_AddThreadDetachFunction(VOID (*function)(THREADID, const CONTEXT*, VOID*), VOID* value);
ISOTACH_UNSUPPORTED("calls are inserted at routines: RTN_CreateAt, then RTN_InsertCallProbed")
VOID PIN_InsertCallProbed(ADDRINT address, AFUNPTR function, ...);

// Values of enumerations.
ISOTACH_UNSUPPORTED("routines are written in place where they can be, which no IARG_CHECK_INLINE checks")
IARG_TYPE isotach_iarg_check_inline();
ISOTACH_UNSUPPORTED(
    "what a routine is to see, it is given by IARG_REG_VALUE or IARG_CONTEXT, not IARG_EXPOSE")
IARG_TYPE isotach_iarg_expose();
ISOTACH_UNSUPPORTED("memory operands are rewritten one at a time, by INS_RewriteMemoryOperand")
IARG_TYPE isotach_iarg_rewrite_scattered_memop();
ISOTACH_UNSUPPORTED("where trace buffers stand is no register: INS_InsertFillBuffer takes care of it")
REG isotach_reg_buf();
#define IARG_CHECK_INLINE LEVEL_BASE::isotach_iarg_check_inline()
#define IARG_EXPOSE LEVEL_BASE::isotach_iarg_expose()
#define IARG_REWRITE_SCATTERED_MEMOP LEVEL_BASE::isotach_iarg_rewrite_scattered_memop()
#define REG_BUF_BASE0 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_BASE1 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_BASE2 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_BASE3 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_BASE4 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_BASE5 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_BASE6 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_BASE7 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_BASE8 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_BASE9 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_END0 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_END1 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_END2 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_END3 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_END4 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_END5 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_END6 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_END7 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_END8 LEVEL_BASE::isotach_reg_buf()
#define REG_BUF_END9 LEVEL_BASE::isotach_reg_buf()

// Of the decoder's library.
ISOTACH_UNSUPPORTED("IARG_MEMORYOP_EA has the address of a memory operand")
xed_error_enum_t xed_agen(...);
ISOTACH_UNSUPPORTED("IARG_MEMORYOP_EA has the address of a memory operand")
VOID xed_agen_register_callback(...);

// What is left of other things.
ISOTACH_UNSUPPORTED("callbacks are called one at a time")
VOID PIN_SetAllowedConcurrentCallbacks(UINT32 kinds);
struct PIN_CONFIGURATION_INFO {};
ISOTACH_UNSUPPORTED("the engine's options are those of its command line")
PIN_CONFIGURATION_INFO PIN_CreateDefaultConfigurationInfo();
ISOTACH_UNSUPPORTED("code is not fetched by other decoders")
VOID PIN_AddXedDecodeCallbackFunction(VOID (*function)());
ISOTACH_UNSUPPORTED("a tool that was detached cannot be attached again") VOID PIN_Attach();
ISOTACH_UNSUPPORTED("a tool that was detached cannot be attached again") VOID PIN_AttachProbed();

}  // namespace LEVEL_BASE
