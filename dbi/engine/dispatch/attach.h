// Threads that ran natively come under the engine, and go back.
//
// At attach the launcher holds all threads of the process; take_over_threads() makes a context for each, and
// says with which registers it is to go on. At detach each thread leaves the code cache at a boundary between
// two of the program's instructions and waits, with the program's vector registers in place, until the
// launcher sets the others and lets it go. See os/handover.h for the protocol.
//
// Thread rules: each function names its caller.
#pragma once

#include <signal.h>

#include <cstdint>

#include "engine/dispatch/context.h"
#include "engine/os/handover.h"

namespace isotach::dbi {

struct ProcessState;

// By the runtime's main, at attach: all threads, with the process's handlers. False, and nothing is changed,
// when there is no memory.
bool take_over_threads(Handover& handover, ProcessState& process);

// By the runtime's main, before any thread runs: makes it possible to let the process go. Returns the address
// for Handover::detach, 0 when there is no memory.
uint64_t prepare_to_detach(const Handover& handover);

// By a thread of the program, outside of the cache: starts the launcher to let this process go. It goes on
// under the engine until it is stopped for that. False: the launcher could not be started.
bool ask_to_be_let_go();

// rseq(2) of a program. One that was started under the engine is told that there is none. In one that was
// taken over, threads have registered areas, or are about to because others have, and may not bear a failure;
// so they are told that it is done, and it is when the process is let go. Until then the area says "not
// registered".
int64_t program_rseq(ThreadContext& context, uint64_t pointer, uint64_t size, uint64_t flags,
                     uint64_t signature);

// Whether a signal that was recorded is the launcher's request to leave. The program never gets it, also when
// the launcher has given up meanwhile.
bool is_request_to_leave(const siginfo_t& info);
bool is_wanted_to_leave();

// By a thread of the program outside of the cache, its registers in the context: waits to be let go, or runs
// on when the launcher gives up. `mask` is the program's.
[[noreturn]] void leave_engine(ThreadContext& context, uint64_t mask);

}  // namespace isotach::dbi
