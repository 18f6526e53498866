// What the launcher leaves in the memory of the program it takes over, for the runtime that it starts there.
//
// The launcher maps a private second dynamic loader into the stopped program and lets it run the runtime as a
// program of its own:  ld.so RUNTIME HANDOVER_ADDRESS(hex). The runtime loads the tool, then runs the program
// from the registers found here. The mapping holds this struct, then what it points to, and may be unmapped
// by the runtime once it is read (arrival.h does what is always to be done).
#pragma once

#include <cstdint>

namespace isotach::dbi {

inline constexpr uint64_t kHandoverMagic = 0x327265766f646e48;  // "Hndover2"

// The runtime's file in the folder of the kit. A mapping of this name is how a process is known to be under
// the engine already.
inline constexpr const char* kRuntimeName = "isotach-pin-runtime";

enum class TakeOver : uint32_t {
  start =
      1,  // stopped at its first instruction after execve(2); the runtime runs on the program's only thread
  attach = 2,  // a running program; the runtime runs on a thread of its own, made for it by the launcher
};

// In the order of struct user_regs_struct.
struct ProgramRegisters {
  uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags,
      rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};

// The area that a thread has registered by rseq(2); all 0 where it has none.
struct RestartableSequence {
  uint64_t pointer;
  uint32_t size;
  uint32_t signature;
};

// A thread of a running program, stopped, at attach and at detach. `registers` is what it has, `resume` what
// the runtime wants it to go on with. At attach it is let go with every signal blocked, so that none comes
// before the runtime knows the thread: what takes it over sets the mask to `signal_mask`. At detach the
// launcher itself sets the mask.
struct StoppedThread {
  uint64_t thread_id;
  // Attach: the program's, already adjusted for an interrupted system call (rip is back at the system call
  // instruction, rax its number, or that of restart_syscall(2)) and for a restartable sequence (rip at its
  // abort handler). Detach: what the thread has, a system call that was interrupted adjusted likewise.
  ProgramRegisters registers;
  ProgramRegisters resume;  // filled in by the runtime
  uint64_t signal_mask;     // attach: the program's. Detach: filled in by the runtime
  // Attach: what the thread had; the launcher has unregistered it. Detach: filled in by the runtime with
  // what it got at attach; the launcher registers it again.
  RestartableSequence sequence;
  // It was stopped within a system call that is to go on by restart_syscall(2).
  uint32_t is_restarting = 0;
};

struct Handover {
  uint64_t magic;
  uint64_t size;  // of the mapping
  TakeOver take_over;
  uint32_t argument_count;
  uint64_t arguments;  // address of `argument_count` char pointers: the engine's and the tool's arguments as
                       // in pin's own command line:  [engine options] -t TOOL [tool options] --
                       // TOOL is an absolute path.
  uint64_t environment;  // address of char pointers, the launcher's environment for the tool, null ended
  uint64_t kit;          // address of the kit's absolute path; the launcher is KIT/pin
  ProgramRegisters registers;  // start: of the program's thread
  uint64_t signal_mask;        // start: the program's, which is also the thread's
  uint64_t thread_count;       // attach
  uint64_t threads;            // attach: address of StoppedThread[thread_count]
  // Attach: the runtime sets it to 1 when every thread has its `resume`, to 2 when it has failed (and has
  // told why on descriptor 2), then ends its own thread by the exit(2) system call alone: the launcher waits
  // for that.
  uint32_t ready;
  uint32_t helper;  // start: when not 0, a child of this process that injected, to be reaped: arrival.h
  uint64_t detach;  // attach: filled in by the runtime: address of its DetachRequest; 0: cannot be detached
  uint64_t stack_low, stack_high;    // the private stack that the runtime's main runs on
  uint64_t loader_low, loader_high;  // where the private dynamic loader was mapped
};

inline constexpr uint64_t kDetachMagic = 0x3268636174654469;  // "iDetach2"

inline constexpr uint64_t kMostLeft = 256;

// How the launcher lets a process go. In the runtime's memory; the launcher reads and writes it from outside
// while it holds the threads.
//
// The launcher stops all threads and sets `wanted`. A thread that waits in a system call of the program is
// sent to `leave_system_call`; any other gets `signal`, and leaves at the next boundary between two
// instructions of the program. Each that leaves describes itself in `parked` and waits there. When all have,
// one is sent to `finish`, which gives back what belongs to the process; then each gets its `resume`, and is
// let go.
struct DetachRequest {
  uint64_t magic;
  uint32_t
      wanted;  // set to 1 by the launcher; to 0 when it gives up: those that wait run on under the engine
  uint32_t finished;  // set to 1 by the runtime's `finish`
  int32_t signal;     // to be queued with this value, and si_code SI_QUEUE; or another fault's, where the
                      // thread has blocked it
  uint32_t parked_count;
  uint64_t signal_value;
  // A thread whose rip is here, with a result that no program ever sees, was stopped within a system call.
  uint64_t system_call_end;
  uint64_t leave_system_call;  // rdi: 1 when it is to go on by restart_syscall(2), else 0; rsi: signal mask
  uint64_t finish;             // no arguments; on the stack and with the segment bases that the thread has
  uint64_t kernel_id_offset;   // a thread is the program's when the word there, from its GS base, is its id
  uint64_t
      is_restarting_offset;  // where the word there (of 4 bytes) is not 0 the thread must get no signal yet
  uint64_t parked;           // address of StoppedThread[]; thread_id is written last
  // Filled when the threads are taken over and again by `finish`: address of region_count pairs (low, high)
  // that are the engine's, to be unmapped.
  uint64_t regions;
  uint64_t region_count;
  // Attach: the launcher writes what the private loader has mapped without the runtime knowing of it, as many
  // pairs as kMostLeft at most.
  uint64_t left;
  uint64_t left_count;
};

}  // namespace isotach::dbi
