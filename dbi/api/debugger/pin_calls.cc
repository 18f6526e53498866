// The API's functions about debuggers.
#include <chrono>

#include "api/debugger/state.h"
#include "api/hooks.h"
#include "api/instrument.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/stop_threads.h"

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

BOOL PIN_SetDebugMode(const DEBUG_MODE* mode) {
  if (debugger().is_running) return FALSE;
  DebugOptions& options = debug_options();
  options.is_wanted = mode->_type != DEBUG_CONNECTION_TYPE_NONE;
  options.connects = mode->_type == DEBUG_CONNECTION_TYPE_TCP_CLIENT;
  options.stops_at_entry = (mode->_options & DEBUG_MODE_OPTION_STOP_AT_ENTRY) != 0;
  options.is_silent = (mode->_options & DEBUG_MODE_OPTION_SILENT) != 0;
  if (options.connects) {
    options.host = mode->_tcpClient._ip;
    options.port = static_cast<uint16_t>(mode->_tcpClient._tcpPort);
  }
  return TRUE;
}

DEBUG_STATUS PIN_GetDebugStatus() {
  if (!debugger().is_running && !debug_options().is_wanted) return DEBUG_STATUS_DISABLED;
  const std::lock_guard<std::mutex> guard(debugger().mutex);
  return debugger().is_connected ? DEBUG_STATUS_CONNECTED : DEBUG_STATUS_UNCONNECTED;
}
BOOL PIN_GetDebugConnectionInfo(DEBUG_CONNECTION_INFO* info) {
  *info = {};
  const DebugOptions& options = debug_options();
  if (!debugger().is_running) return FALSE;
  info->_type = options.connects ? DEBUG_CONNECTION_TYPE_TCP_CLIENT : DEBUG_CONNECTION_TYPE_TCP_SERVER;
  info->_stopAtEntry = options.stops_at_entry;
  info->_tcpServer._tcpPort = debugger().port;
  return TRUE;
}
DEBUGGER_TYPE PIN_GetDebuggerType() {
  return PIN_GetDebugStatus() == DEBUG_STATUS_CONNECTED ? DEBUGGER_TYPE_GDB : DEBUGGER_TYPE_UNKNOWN;
}
BOOL PIN_WaitForDebuggerToConnect(UINT32 milliseconds) {
  DebuggerState& state = debugger();
  if (!state.is_running) return FALSE;
  std::unique_lock<std::mutex> guard(state.mutex);
  const auto is_there = [&] { return state.is_connected; };
  if (milliseconds == 0) {
    state.changed.wait(guard, is_there);
    return TRUE;
  }
  return state.changed.wait_for(guard, std::chrono::milliseconds(milliseconds), is_there);
}

VOID PIN_ApplicationBreakpoint(const CONTEXT* context, THREADID, BOOL wait, const std::string& message) {
  ThreadContext* const own = this_thread();
  if (own == nullptr) fail("PIN_ApplicationBreakpoint: this thread does not run the program");
  if (PIN_GetDebugStatus() == DEBUG_STATUS_DISABLED) {
    fail(
        "PIN_ApplicationBreakpoint is called, and no debugger can be connected: start pin with "
        "-appdebug_enable, or "
        "ask PIN_GetDebugStatus first");
  }
  if (PIN_GetDebugStatus() != DEBUG_STATUS_CONNECTED) {
    if (!wait) PIN_ExecuteAt(context);
    std::fprintf(stderr, "%s\n", message.c_str());
    PIN_WaitForDebuggerToConnect(0);
  }
  if (context != reinterpret_cast<const CONTEXT*>(own)) load_context(*own, context);
  hold(*own, "T05", 0, message);
  PIN_ExecuteAt(reinterpret_cast<const CONTEXT*>(own));
}

// What stands for the record of an interpreter or a handler.
PIN_CALLBACK PIN_AddDebugInterpreter(DEBUG_INTERPRETER_CALLBACK function, VOID* value) {
  debugger().interpreters.push_back({function, value});
  return nullptr;
}
VOID PIN_RemoveDebugInterpreter(DEBUG_INTERPRETER_CALLBACK function) {
  std::erase_if(debugger().interpreters, [&](const auto& one) { return one.function == function; });
}
PIN_CALLBACK PIN_AddBreakpointHandler(DEBUG_BREAKPOINT_CALLBACK function, VOID* value) {
  debugger().handlers.push_back({function, value});
  return nullptr;
}
VOID PIN_RemoveBreakpointHandler(DEBUG_BREAKPOINT_CALLBACK function) {
  std::erase_if(debugger().handlers, [&](const auto& one) { return one.function == function; });
}
VOID PIN_InterceptDebuggingEvent(DEBUGGING_EVENT event, INTERCEPT_DEBUGGING_EVENT_CALLBACK function,
                                 VOID* value) {
  debugger().intercept[event] = function;
  debugger().intercept_value[event] = value;
}
BOOL PIN_IsThreadStoppedInDebugger(THREADID thread) {
  const ThreadContext* const context = thread_by_number(thread);
  DebuggerState& state = debugger();
  const std::lock_guard<std::mutex> guard(state.mutex);
  return context != nullptr && state.is_stopped && is_stopped(*context);
}

}  // namespace LEVEL_BASE
