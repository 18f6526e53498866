// What happens to the program, told to the tool.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include "pin.H"

namespace isotach::dbi {
struct ThreadContext;
}

namespace isotach::dbi::api {

// Has the engine tell the API of threads, system calls, forks and the end. Once, before the program runs.
void listen_to_engine();
// What the processor says by a signal; EXCEPTCODE_NONE where it is not from the processor.
EXCEPTION_CODE exception_code_of(const siginfo_t& info);
// A fault in the tool's own code, offered to its handlers (api/tool_faults.cc).
bool tool_fault(ThreadContext* context, const siginfo_t& info, ucontext_t& user);
// The program's first thread is about to run.
void program_starts(ThreadContext& context, bool attaches);

// The tool's globals are destroyed and its files written. The last thing a process does.
void end_tool(bool others_wait);
bool tool_is_loaded();

}  // namespace isotach::dbi::api
