// A fault in the engine or in a tool: said as such, with a backtrace, and never taken for the program's.
#pragma once

#include <signal.h>
#include <ucontext.h>

namespace isotach::dbi {

struct ThreadContext;

[[noreturn]] void report_crash(ThreadContext& context, int signal, const siginfo_t& info,
                               const ucontext_t& user);
// The same on a thread that is not the program's.
[[noreturn]] void report_crash_outside(int signal, const siginfo_t& info, const ucontext_t& user);

}  // namespace isotach::dbi
