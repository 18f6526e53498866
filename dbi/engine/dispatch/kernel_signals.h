// What the kernel is told of the program's signals: handlers and masks. Inside of signals.cc and the files
// signal_*.cc.
//
// Thread rules: as signals.h.
#pragma once

#include <signal.h>

#include <cstdint>

#include "engine/dispatch/signals.h"

namespace isotach::dbi {

constexpr uint64_t kSetSize = 8;

constexpr uint64_t bit(int signal) {
  return uint64_t{1} << (signal - 1);
}
constexpr uint64_t kFaults = bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGFPE) | bit(SIGTRAP);
constexpr uint64_t kNeverBlocked = bit(SIGKILL) | bit(SIGSTOP);

inline bool is_fault_signal(int signal) {
  return (kFaults & bit(signal)) != 0;
}

// rt_sigaction(2).
int64_t kernel_sigaction(int signal, const SignalAction* action, SignalAction* old);
// rt_sigprocmask(2), unless a signal is recorded: then all are blocked until it is delivered, and it is
// `mask` of the record that counts. False: one is recorded.
bool change_mask(ThreadContext& context, uint64_t how, const uint64_t* set, uint64_t* old, int64_t& result);
void set_program_mask(ThreadContext& context, uint64_t mask);

// To the calling thread, as it came.
void send_to_itself(const siginfo_t& info);
// What SignalState::held has goes back to the kernel.
void send_held_faults(ThreadContext& context);

bool is_wanted_by_tool(int signal);
// What the kernel must be told so that it does what the program asked for.
SignalAction kernel_action(int signal, const SignalAction& wanted);
// The handler that it is told.
void master_handler(int signal, siginfo_t* info, void* data);

}  // namespace isotach::dbi
