// Threads and processes that the program makes, and how they end.
//
// A new thread of the program runs engine code on a lent thread control block and stack (os/lent_thread.h);
// the stack that the program gave it is only put into its registers. vfork(2) and posix_spawn(3) keep their
// meaning: the child shares memory, on a context of its own, while its parent waits.
//
// Thread rules: each function is called on the thread that makes the system call.
#pragma once

#include <cstdint>

#include "engine/dispatch/context.h"
#include "engine/os/handover.h"

namespace isotach::dbi {

// The context of the calling thread, listed, with signal stack, in GS. `lent` may be null: the thread's own.
ThreadContext& adopt_this_thread(ProcessState& process, LentThread* lent);

// The calling thread is none of the program's any more, nor was it: numbers of threads begin anew. The
// context stays where it is.
void forget_this_thread(ThreadContext& context);

// The context, listed, of a thread of the program that is stopped elsewhere and is to go on from these
// registers.
ThreadContext& adopt_stopped_thread(ProcessState& process, LentThread* lent,
                                    const ProgramRegisters& registers, uint64_t mask);

// The program's registers as the kernel has them, into a context.
void set_program_registers(ThreadContext& context, const ProgramRegisters& from);

struct CloneArguments {
  uint64_t flags = 0;  // without the exit signal
  uint64_t exit_signal = 0;
  uint64_t stack = 0;  // the child's first rsp; 0: the parent's
  uint64_t parent_tid = 0;
  uint64_t child_tid = 0;
  uint64_t tls = 0;
  uint64_t pidfd = 0;
};

// The program's clone, clone3, fork, vfork at context.pc; both sides go on behind it, at `next_pc`. Returns
// what the parent's system call returns; a child of fork returns 0 from here too.
int64_t program_clone(ThreadContext& context, const CloneArguments& arguments, uint64_t next_pc);

[[noreturn]] void program_exit_thread(ThreadContext& context, int code);
[[noreturn]] void program_exit_process(ThreadContext& context, int code);

// GS of the calling thread.
void set_gs_base(uint64_t base);

}  // namespace isotach::dbi
