// What the launcher leaves in the memory of the program it takes over, for the runtime that it starts there.
//
// The launcher maps a private second dynamic loader into the stopped program and lets it run the runtime as a
// program of its own:  ld.so RUNTIME HANDOVER_ADDRESS(hex). The runtime loads the tool, then runs the program
// from the registers found here. The mapping holds this struct, then what it points to, and may be unmapped
// by the runtime once it is read.
#pragma once

#include <cstdint>

namespace isotach::dbi {

inline constexpr uint64_t kHandoverMagic = 0x317265766f646e48;  // "Hndover1"

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

// A thread of a running program. Only at attach. The launcher holds it stopped until the runtime has filled
// in `entry` and `context`; then it sets rip = entry, rdi = context, with every other register as it is here.
struct StoppedThread {
  uint64_t thread_id;
  ProgramRegisters registers;  // already adjusted for an interrupted system call, see launcher/
  uint64_t signal_mask;
  uint64_t entry;    // filled in by the runtime: an address that takes the thread over
  uint64_t context;  // filled in by the runtime: its ThreadContext, to be left in rdi
};

struct Handover {
  uint64_t magic;
  uint64_t size;  // of the mapping
  TakeOver take_over;
  uint32_t argument_count;
  uint64_t arguments;  // address of `argument_count` char pointers: the engine's and the tool's arguments as
                       // in pin's own command line:  [engine options] -t TOOL [tool options] --
  uint64_t environment;  // address of char pointers, the launcher's environment for the tool, null ended
  ProgramRegisters registers;  // start: of the program's thread
  uint64_t thread_count;       // attach
  uint64_t threads;            // attach: address of StoppedThread[thread_count]
  uint32_t ready;  // attach: futex; the runtime sets it to 1 when all threads have entry and context, 2 when
                   // it failed
  uint32_t released;               // attach: futex; the launcher sets it to 1 when all threads run again
  uint64_t stack_low, stack_high;  // the private stack that the runtime's main runs on
};

}  // namespace isotach::dbi
