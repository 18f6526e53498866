// A debugger (gdb's `target remote`) that is connected to the program under the engine: it sees the program,
// not the engine, with its own registers and memory, sets breakpoints, steps, and asks the tool by `monitor`.
// Needs -appdebug (stop before the program's first instruction), -appdebug_enable (do not) or
// PIN_SetDebugMode. There are no watchpoints and no calls of functions while other threads wait for each
// other.
#pragma once

#include "pin/process.h"

namespace LEVEL_BASE {

enum DEBUG_STATUS {
  DEBUG_STATUS_DISABLED,
  DEBUG_STATUS_UNCONNECTABLE,
  DEBUG_STATUS_UNCONNECTED,
  DEBUG_STATUS_CONNECTED
};
enum DEBUG_CONNECTION_TYPE {
  DEBUG_CONNECTION_TYPE_NONE,
  DEBUG_CONNECTION_TYPE_TCP_SERVER,
  DEBUG_CONNECTION_TYPE_TCP_CLIENT
};
enum DEBUG_MODE_OPTION {
  DEBUG_MODE_OPTION_NONE = 0,
  DEBUG_MODE_OPTION_STOP_AT_ENTRY = 1,
  DEBUG_MODE_OPTION_SILENT = 2,
  DEBUG_MODE_OPTION_ALLOW_REMOTE = 4
};
struct DEBUG_MODE {
  DEBUG_CONNECTION_TYPE _type;
  UINT32 _options;
  struct {
    std::string _ip;
    INT _tcpPort;
  } _tcpClient;
};
struct DEBUG_CONNECTION_INFO {
  DEBUG_CONNECTION_TYPE _type;
  BOOL _stopAtEntry;
  struct {
    INT _tcpPort;
  } _tcpServer;
};
enum DEBUGGER_TYPE {
  DEBUGGER_TYPE_UNKNOWN,
  DEBUGGER_TYPE_GDB,
  DEBUGGER_TYPE_LLDB,
  DEBUGGER_TYPE_IDB,
  DEBUGGER_TYPE_VISUAL_STUDIO
};
enum DEBUGGING_EVENT {
  DEBUGGING_EVENT_INVALID,
  DEBUGGING_EVENT_BREAKPOINT,
  DEBUGGING_EVENT_SINGLE_STEP,
  DEBUGGING_EVENT_ASYNC_BREAK
};

// Before PIN_StartProgram: listens at a free port of 127.0.0.1, or connects to a debugger. FALSE: it is too
// late.
ISOTACH_API BOOL PIN_SetDebugMode(const DEBUG_MODE* mode);
ISOTACH_API DEBUG_STATUS PIN_GetDebugStatus();
// FALSE: the program does not run yet, or no debugger can be connected.
ISOTACH_API BOOL PIN_GetDebugConnectionInfo(DEBUG_CONNECTION_INFO* info);
ISOTACH_API DEBUGGER_TYPE PIN_GetDebuggerType();
// 0: without an end. FALSE: none has come in that time.
ISOTACH_API BOOL PIN_WaitForDebuggerToConnect(UINT32 milliseconds);

// From an analysis routine: the program stands at `context` as at a breakpoint, and the debugger shows
// `message`. When it goes on, it does so at `context`, without coming back here, so that the instruction's
// calls are made again: the tool sees to it that this one is not. `wait`: where no debugger is connected,
// waits for one; otherwise the program goes on.
[[noreturn]] ISOTACH_API VOID PIN_ApplicationBreakpoint(const CONTEXT* context, THREADID thread, BOOL wait,
                                                        const std::string& message);

// What the debugger's user types after `monitor`, with the registers of the chosen thread, which may be
// changed. FALSE: it is none of its commands. Called while all threads are stopped.
typedef BOOL (*DEBUG_INTERPRETER_CALLBACK)(THREADID thread, CONTEXT* context, const std::string& command,
                                           std::string* reply, VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddDebugInterpreter(DEBUG_INTERPRETER_CALLBACK function, VOID* value);
ISOTACH_API VOID PIN_RemoveDebugInterpreter(DEBUG_INTERPRETER_CALLBACK function);

// The debugger sets or removes a breakpoint. TRUE: the tool sees to it, the engine does nothing.
typedef BOOL (*DEBUG_BREAKPOINT_CALLBACK)(ADDRINT address, UINT size, BOOL insert, VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddBreakpointHandler(DEBUG_BREAKPOINT_CALLBACK function, VOID* value);
ISOTACH_API VOID PIN_RemoveBreakpointHandler(DEBUG_BREAKPOINT_CALLBACK function);

// A thread is at a breakpoint, or has made its step. FALSE: the debugger is not told, and the thread goes on.
typedef BOOL (*INTERCEPT_DEBUGGING_EVENT_CALLBACK)(THREADID thread, DEBUGGING_EVENT event, CONTEXT* context,
                                                   VOID* value);
ISOTACH_API VOID PIN_InterceptDebuggingEvent(DEBUGGING_EVENT event,
                                             INTERCEPT_DEBUGGING_EVENT_CALLBACK function, VOID* value);
ISOTACH_API BOOL PIN_IsThreadStoppedInDebugger(THREADID thread);

}  // namespace LEVEL_BASE
