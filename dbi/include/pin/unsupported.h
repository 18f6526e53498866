// Functions that this engine does not have. A tool that calls one does not compile, and the compiler says
// why. They are declared so that what is missing is said by name; docs/pin/coverage.md lists them.
#pragma once

#include "pin/process.h"

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

// Versions of traces.
ISOTACH_UNSUPPORTED("traces have one version; use INS_InsertIfCall and INS_InsertThenCall")
VOID BBL_SetTargetVersion(BBL bbl, ADDRINT version);
ISOTACH_UNSUPPORTED("traces have one version; use INS_InsertIfCall and INS_InsertThenCall")
VOID INS_InsertVersionCase(INS ins, REG reg, INT32 value, ADDRINT version, ...);

// Replay of another run's images, system calls and signals.
enum REPLAY_MODE { REPLAY_MODE_NONE, REPLAY_MODE_IMAGEOPS, REPLAY_MODE_SYSCALLS, REPLAY_MODE_ALL };
class LINUX_LOADER_IMAGE_INFO;
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
VOID IMG_SetLoaderInfo(IMG img, const LINUX_LOADER_IMAGE_INFO& info);
ISOTACH_UNSUPPORTED("the program's dynamic linker is not observed")
VOID IMG_GetLoaderInfo(IMG img, LINUX_LOADER_IMAGE_INFO* info);
ISOTACH_UNSUPPORTED("the program's threads are made by the program")
BOOL PIN_SpawnApplicationThread(const CONTEXT* context);

// Debuggers that are connected to the program under the engine.
enum DEBUGGING_EVENT { DEBUGGING_EVENT_INVALID, DEBUGGING_EVENT_BREAKPOINT, DEBUGGING_EVENT_SINGLE_STEP };
enum DEBUG_MODE_OPTION {
  DEBUG_MODE_OPTION_NONE = 0,
  DEBUG_MODE_OPTION_STOP_AT_ENTRY = 1,
  DEBUG_MODE_OPTION_SILENT = 2
};
struct DEBUG_MODE {
  DEBUG_CONNECTION_TYPE _type;
  UINT32 _options;
};
typedef BOOL (*DEBUG_INTERPRETER_CALLBACK)(THREADID thread, CONTEXT* context, const std::string& command,
                                           std::string* reply, VOID* value);
typedef BOOL (*INTERCEPT_DEBUGGING_EVENT_CALLBACK)(THREADID thread, DEBUGGING_EVENT event, CONTEXT* context,
                                                   VOID* value);
typedef BOOL (*DEBUG_BREAKPOINT_CALLBACK)(ADDRINT address, UINT size, BOOL insert, VOID* value);
ISOTACH_UNSUPPORTED("no debugger can be connected") BOOL PIN_SetDebugMode(const DEBUG_MODE* mode);
ISOTACH_UNSUPPORTED("no debugger can be connected")
PIN_CALLBACK PIN_AddDebugInterpreter(DEBUG_INTERPRETER_CALLBACK function, VOID* value);
ISOTACH_UNSUPPORTED("no debugger can be connected")
VOID PIN_RemoveDebugInterpreter(DEBUG_INTERPRETER_CALLBACK function);
ISOTACH_UNSUPPORTED("no debugger can be connected")
PIN_CALLBACK PIN_AddBreakpointHandler(DEBUG_BREAKPOINT_CALLBACK function, VOID* value);
ISOTACH_UNSUPPORTED("no debugger can be connected")
VOID PIN_RemoveBreakpointHandler(DEBUG_BREAKPOINT_CALLBACK function);
ISOTACH_UNSUPPORTED("no debugger can be connected")
VOID PIN_InterceptDebuggingEvent(DEBUGGING_EVENT event, INTERCEPT_DEBUGGING_EVENT_CALLBACK function,
                                 VOID* value);
ISOTACH_UNSUPPORTED("no debugger can be connected") VOID PIN_ResetBreakpointAt(ADDRINT address);

// What is left of other things.
ISOTACH_UNSUPPORTED("code is not fetched by other decoders")
VOID PIN_AddXedDecodeCallbackFunction(VOID (*function)());
ISOTACH_UNSUPPORTED("a tool that was detached cannot be attached again") VOID PIN_Attach();
ISOTACH_UNSUPPORTED("a tool that was detached cannot be attached again") VOID PIN_AttachProbed();

}  // namespace LEVEL_BASE
