// Inside of api/debugger/.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "api/debugger/debugger.h"

namespace isotach::dbi::api {

struct Held {
  bool may_go = false;
  bool steps = false;        // one instruction, then it is held again
  bool was_changed = false;  // its registers
  int signal = 0;            // for the program
};

struct DebuggerState {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_running = false;  // the server
  bool is_connected = false;
  bool is_at_start = true;  // the program waits, or is about to wait, for its debugger
  bool is_stopped = false;  // all threads, for the debugger
  uint16_t port = 0;
  int wake = -1;                     // written to when a thread is held
  ThreadContext* current = nullptr;  // the thread that the debugger was told of
  std::string reason;                // the stop reply
  std::string end;                   // what the debugger is to be told when the process is about to end
  std::string console;               // text for the debugger's user, before it
  std::map<ThreadContext*, Held> held;
  ThreadContext* stepping = nullptr;
  std::map<ThreadContext*, uint64_t> passes;  // where each goes on over a breakpoint
  std::set<uint64_t> breakpoints;

  struct Interpreter {
    DEBUG_INTERPRETER_CALLBACK function;
    VOID* value;
  };
  std::vector<Interpreter> interpreters;
  struct Handler {
    DEBUG_BREAKPOINT_CALLBACK function;
    VOID* value;
  };
  std::vector<Handler> handlers;
  INTERCEPT_DEBUGGING_EVENT_CALLBACK intercept[4] = {};
  VOID* intercept_value[4] = {};
};
DebuggerState& debugger();

// The calling thread of the program tells the debugger `reason` and waits. Returns how it is to go on. Where
// `breakpoint` is given and another thread's stop came first, it may be gone: then nothing is told.
Held hold(ThreadContext& context, const std::string& reason, uint64_t breakpoint = 0,
          const std::string& console = {});
// A thread goes on from an analysis routine as it was told.
void go_on_from_routine(ThreadContext& context, const Held& how, const CONTEXT* registers);

// server.cc
void serve();
std::string thread_name(const ThreadContext& context);

// registers.cc
std::string all_registers(const CONTEXT* context);
bool set_all_registers(CONTEXT* context, std::string_view bytes);
bool set_register(CONTEXT* context, uint64_t number, std::string_view bytes);

}  // namespace isotach::dbi::api
