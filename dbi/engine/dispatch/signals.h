// Signals of a program that runs under the engine.
//
// The kernel's handler is the engine's for each signal that the program handles, with the program's flags
// where they change what the kernel does (SA_RESTART), on a stack of the engine's own, with everything
// blocked. It only records the signal and makes the thread leave the cache at the next boundary between two
// of the program's instructions; the frame that the program's handler gets is then made as the kernel makes
// it (arch/x86/kernel/ signal_64.c), from registers that are exactly those of the program. A fault in
// translated code is such a boundary by itself: the map of its unit tells the instruction and the registers.
//
// The program's signal mask is the kernel's, so what it blocks stays pending there, and sigwait(3),
// signalfd(2) and the like need no help. SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGTRAP are never really
// blocked: the engine needs them.
//
// Thread rules: SignalState belongs to its thread. ProcessState is shared by threads that share handlers.
#pragma once

#include <signal.h>

#include <cstdint>

#include "engine/decode/scan.h"
#include "engine/dispatch/block_rest.h"
#include "engine/os/lock.h"

namespace isotach::dbi {

struct ThreadContext;

// struct kernel_sigaction of the system call.
struct SignalAction {
  uint64_t handler = 0;
  uint64_t flags = 0;
  uint64_t restorer = 0;
  uint64_t mask = 0;
};

struct ProcessState {
  Lock lock;
  SignalAction actions[65];  // by number, as the program set them
  uint32_t users = 1;        // threads that share it
};

struct SignalState {
  uint64_t stack_low = 0;  // the engine's alternate stack
  uint64_t stack_size = 0;
  stack_t program_stack{};  // the program's sigaltstack(2)
  // The signal that was recorded and not delivered yet. All others are blocked meanwhile.
  bool is_recorded = false;
  bool is_stepping = false;  // towards the next boundary by the trap flag
  bool is_stepping_pushf = false;
  BlockRest rest;  // how far
  siginfo_t info{};
  uint64_t mask = 0;              // of the program, when the signal came
  uint64_t blocked_faults = 0;    // of the five signals, those that the program thinks blocked
  siginfo_t held[SIGSEGV + 1]{};  // of those, what came while one is recorded; si_signo 0: none
  uint64_t call_return = 0;       // what [rsp] of the analysis call held before we replaced it
};

// Makes the calling thread able to take signals: its alternate stack. With context in GS.
void prepare_thread_signals(ThreadContext& context);
void install_signal_stack(ThreadContext& context);
void release_thread_signals(ThreadContext& context);
// The same for a thread that is gone.
void release_signal_memory(ThreadContext& context);
// The process's handlers for the signals that the engine needs itself; what is set at the start is
// remembered.
void take_over_signals(ThreadContext& context);
// The same for the handlers alone, when the process's threads are elsewhere; each then begins with its own
// mask.
void take_over_actions(ProcessState& process);
void begin_with_mask(ThreadContext& context, uint64_t mask);
// Gives the program's own dispositions and alternate stack to the kernel: before exec and at detach.
void give_back_signals(ThreadContext& context, bool all);

// The program gets SIGSEGV for jumping to context.pc, which cannot be executed.
void fault_at_pc(ThreadContext& context);
// Addresses that no memory can have. A branch to one faults itself, and nothing of it is done.
inline bool is_canonical(uint64_t address) {
  return static_cast<int64_t>(address << 16) >> 16 == static_cast<int64_t>(address);
}
// It gets that of a general protection fault, at context.pc.
void raise_general_protection(ThreadContext& context);
// A synchronous signal made by the engine, at context.pc.
void raise_fault(ThreadContext& context, int signal, int code, uint64_t address);

// The thread is in an analysis routine that emitted code called, with a signal recorded: it is delivered when
// the routine returns.
void intercept_analysis_return(ThreadContext& context);

// System calls about signals. Each returns what the system call returns.
int64_t program_sigaction(ThreadContext& context, int signal, uint64_t action, uint64_t old,
                          uint64_t set_size);
int64_t program_sigaltstack(ThreadContext& context, uint64_t stack, uint64_t old);
int64_t program_sigprocmask(ThreadContext& context, int how, uint64_t set, uint64_t old, uint64_t set_size);
// Sets all registers in the context from the frame at its rsp. False: the frame cannot be read.
bool program_sigreturn(ThreadContext& context);

// The program's instruction at pc; of length 0 where it cannot be read.
Scan scan_at(uint64_t pc);

// memcpy that reports a fault instead of dying of it.
extern "C" bool isotach_safe_copy(void* to, const void* from, size_t size);

}  // namespace isotach::dbi
