// A debugger that is connected to the program: what the program's threads, the server and the API share.
//
// A thread that has something to tell stops all others (engine/dispatch/stop_threads.h) and waits in hold().
// The server, a thread of the tool's side, talks to the debugger meanwhile, and lets all or one thread go on.
//
// Thread rules: hold() and what calls it on the program's threads; server_...() on the server's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pin.H"

namespace isotach::dbi {
struct ThreadContext;
struct TracePlan;
}  // namespace isotach::dbi

namespace isotach::dbi::api {

// By the command line or PIN_SetDebugMode, before the program starts.
struct DebugOptions {
  bool is_wanted = false;
  bool stops_at_entry = true;
  bool is_silent = false;
  bool connects = false;  // to a debugger that listens at `host`
  std::string host = "127.0.0.1";
  uint16_t port = 0;  // 0: any that is free
};
DebugOptions& debug_options();

// Starts the server, if one is wanted. Ends the process with a message when that cannot be.
void start_debugger();
// The program's first thread is about to run.
void debugger_at_entry(ThreadContext& context);
// Asks for calls where the debugger has breakpoints.
void insert_breakpoints(TracePlan& plan);
// A signal for the program: whether it gets it. `is_taken`: the debugger had it, nobody else is to.
bool debugger_takes_signal(ThreadContext& context, int signal, bool is_step, bool& is_taken);
// The thread runs nothing of the program any more.
void debugger_process_ends(ThreadContext& context, int32_t code);
// In the child of a fork: it has no server.
void forget_debugger();

}  // namespace isotach::dbi::api
