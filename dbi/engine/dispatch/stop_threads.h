// All of the program's threads but one wait while a tool looks at them: PIN_StopApplicationThreads.
//
// A thread waits at a boundary between two instructions, where its context holds all its registers. One that
// is in a system call stays there, and waits when that returns: no call is interrupted for it. A child of
// vfork(2) goes on until it executes another program, as its parent does not run meanwhile.
//
// How: `pending` keeps a thread from entering the code cache or a system call, and a signal (SIGTRAP, which
// the engine never blocks) brings it out of the cache, see signals.h.
//
// Thread rules: stop_other_threads() and resume_other_threads() are called by the same thread, without the
// engine's lock; the others on the thread that they concern.
#pragma once

#include <signal.h>

#include <cstdint>

namespace isotach::dbi {

struct ThreadContext;

enum class StopResult : uint8_t { stopped, others_stop, not_possible };

// Returns when all threads but `self` wait, at once where `self` has stopped them already. `self`: null on a
// thread that does not run the program. Those that were resumed before have gone on meanwhile.
StopResult stop_other_threads(ThreadContext* self);
void resume_other_threads();
// While they are stopped: this one, and no other, goes on; it counts as the one that stopped them.
void let_one_go_on(ThreadContext* context);

// Of a thread, while the others are stopped.
bool is_stopped(const ThreadContext& context);

// The calling thread is where it can wait, and does if it is to.
void wait_while_stopped(ThreadContext& context);
// It executes nothing of the program from here until stay_no_longer(), and counts as stopped so long.
void stay_stopped(ThreadContext& context);
void stay_no_longer(ThreadContext& context);
// It is about to enter, or has left, a system call of the program.
void begin_system_call(ThreadContext& context);
void end_system_call(ThreadContext& context);
// It is no longer listed.
void stopped_thread_ends(const ThreadContext& context);

// In the child of a fork, whose only thread it is: what others wanted is no matter there.
void forget_stops(ThreadContext& context);

// From now on the kernel gives us the signal: before, no thread of the program has left its beginning.
void allow_stops();
// The signal that brings a thread out of the cache.
bool is_request_to_stop(const siginfo_t& info);

}  // namespace isotach::dbi
