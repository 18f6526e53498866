// A fault in the engine or in a tool: said as such, with a backtrace, and never taken for the program's.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include <cstdint>

namespace isotach::dbi {

struct ThreadContext;

[[noreturn]] void report_crash(ThreadContext& context, int signal, const siginfo_t& info,
                               const ucontext_t& user);
// The same of an analysis routine that was written into the program's code.
[[noreturn]] void report_crash_in_place(ThreadContext& context, uint64_t routine, int signal,
                                        const siginfo_t& info);
// The same on a thread that is not the program's.
[[noreturn]] void report_crash_outside(int signal, const siginfo_t& info, const ucontext_t& user);

// Faults in the tool's code before the program runs, when the engine does not handle signals yet: reported
// until end_early_reports() gives the program's settings back. Not while a program that was taken over runs
// on: its faults are its own.
void begin_early_reports();
void end_early_reports();

// The calling thread is in abort(3): of the tool, a library of it, or the engine.
void report_abort();

}  // namespace isotach::dbi
