// What the engine keeps for each of the program's threads. The thread's GS base points here while it runs
// under the engine, so emitted code reaches every field as gs:[offset].
//
// Thread rules: owned by its thread; others may only set `pending` (atomically) and read `process`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/dispatch/context_layout.h"
#include "engine/os/handover.h"

namespace isotach::dbi {

struct LentThread;
struct NestedRun;
struct SignalState;
struct ProcessState;
struct Unit;

// Machine numbers of the general registers, as instruction encodings use them.
enum Register : uint8_t { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 };

// Why emitted code went back to the dispatcher. Numbers from kFirstExit up name an Exit of the code cache.
inline constexpr uint32_t kExitIndirect = 0;  // an indirect branch to `target`, which has no prologue yet
inline constexpr uint32_t kExitStart = 1;     // the first entry of a thread: goes on at `pc`
inline constexpr uint32_t kFirstExit = 16;

// What the processor told of a fault, for the signal frame.
struct FaultRegisters {
  int64_t error = 0, trap = 0, address = 0;
};

// The program's own trap flag, and the instruction that is executed alone: see single_step.h.
struct OwnStep {
  enum class Kind : uint8_t {
    plain,
    pushes_flags,
    loads_stack_segment,
    repeats,
    repeats_while_equal,
    repeats_while_different
  };
  bool is_wanted = false;  // the trap flag
  bool traps = false;      // behind the instruction
  bool is_inside = false;  // the thread is in the unit of the instruction at `pc`
  Kind kind = Kind::plain;
  uint64_t pc = 0;
  uint64_t held_iterations = 0;  // of a repeated instruction, which rcx does not tell meanwhile
};

// What one instruction accesses, as a tool gets it whole: PIN_MULTI_MEM_ACCESS_INFO, IMULTI_ELEMENT_OPERAND.
struct MemoryAccess {
  uint64_t address;
  uint32_t kind, size;  // kind: 0 is read, 1 is written, 2 both
  uint32_t is_on;       // a mask lets it happen
};
struct MemoryAccesses {
  uint32_t count, operand_size;
  uint64_t operand_address;  // 0 for a gather or scatter
  MemoryAccess each[16];
};

struct alignas(64) ThreadContext {
  uint64_t registers[16];  // the program's, while engine code runs
  uint64_t flags;
  uint64_t pc;          // where the program stands, while engine code runs
  uint64_t exit;        // kExit... or the number of an Exit
  uint64_t target;      // of an indirect branch
  uint64_t host_rsp;    // the engine's stack, as it is when the cache is entered
  uint64_t host_fs;     // the lent thread control block
  uint64_t program_fs;  // the program's FS and GS bases
  uint64_t program_gs;
  uint64_t slots[8];  // where emitted code keeps registers that it borrows
  uint64_t resume;    // address in the cache to go to
  ThreadContext* self;
  uint32_t pending;  // a signal waits to be delivered; a request of another thread waits
  uint32_t
      is_dispatching;  // the thread is on its way through the engine, and will look at `pending` in the end
  uint32_t mxcsr;
  uint32_t host_mxcsr;
  uint64_t counter;        // for the engine's own block counting
  uint64_t thread_id;      // dense, from 0: what tools call THREADID
  uint64_t buffers[8];     // next free byte of trace buffers; see instrument/buffer.h
  uint64_t call_rsp;       // rsp of the program during an analysis call
  uint64_t branched_from;  // number of the unit with the last indirect branch; see CodeCache::note_branches
  alignas(16)
      uint8_t vectors[16][16];   // xmm0 to xmm15 while engine code runs. Upper halves stay in the registers
  alignas(16) uint8_t x87[512];  // FXSAVE area; used once the program has been seen to use x87 or MMX

  // What emitted code calls around analysis calls: registers to and from the context (switch.S).
  void (*call_save)();
  void (*call_restore)();
  void (*call_save_all)();
  void (*call_restore_all)();
  uint64_t addresses[8];  // of memory operands, kept for calls behind the instruction
  uint64_t taken;         // the branch's condition
  uint64_t executing;     // the instruction's predicate
  uint64_t call_flags;    // lahf and seto
  uint64_t first_repetition;
  uint64_t tool_registers[32];   // plan_register::kTool
  uint64_t argument_copies[16];  // what arguments by reference point to
  uint64_t buffer_end[4];        // of trace buffers
  uint64_t borrowed[17];         // registers that emitted code borrows for long: see Borrowed in cache/unit.h

  // From here on, only C++ looks.
  LentThread* lent;
  SignalState* signals;
  ProcessState* process;
  uint64_t buffer_low[4];  // where the trace buffers begin
  uint64_t epoch;          // of the code cache, when this thread last was outside of it
  uint64_t kernel_id;      // gettid()
  bool is_process;         // a child of vfork(2): a process of its own in its parent's memory
  uint64_t first_mask;     // signal mask that it begins with
  RestartableSequence
      sequence;            // what rseq(2) was asked for, natively or by a call that we only pretend to make
  uint32_t is_restarting;  // it was taken over within a system call that must go on by restart_syscall(2),
                           // and has not done so: the kernel forgets how when a signal handler returns
  uint16_t version;        // of the trace to come, while engine code runs: see plan.h
  uint64_t stop_request;   // the last by which it was asked to wait
  uint32_t is_in_system_call, is_waiting;  // see stop_threads.h
  uint64_t tool_keys[128];
  uint64_t unique_id;    // never given again; thread_id is
  ThreadContext* next;   // list of all threads
  FaultRegisters fault;  // of the signal that is recorded
  NestedRun* nested;     // the program's function that a tool calls: see nested.h
  uint64_t outer_epoch;  // of the code around the outermost of these runs; kOutside without any
  OwnStep step;
  bool counts_apart = true;         // it may have counted in cells since it was last settled
  uint64_t settled[128];            // of `cells`, what the counters have
  alignas(64) uint64_t cells[128];  // of counters, for emitted code: see instrument/counters.h
  uint64_t element_addresses[16];   // of a gather or scatter: see wide_registers.h
  uint32_t element_on[16];          // whether each is accessed
  uint8_t wide_copies[8][64];       // of vector registers that arguments refer to
  MemoryAccesses accesses[2];       // of the instruction, of one operand
};

#define ISOTACH_AT(field, offset) static_assert(offsetof(ThreadContext, field) == (offset))
ISOTACH_AT(registers, CONTEXT_REGISTERS);
ISOTACH_AT(flags, CONTEXT_FLAGS);
ISOTACH_AT(pc, CONTEXT_PC);
ISOTACH_AT(exit, CONTEXT_EXIT);
ISOTACH_AT(target, CONTEXT_TARGET);
ISOTACH_AT(host_rsp, CONTEXT_HOST_RSP);
ISOTACH_AT(host_fs, CONTEXT_HOST_FS);
ISOTACH_AT(program_fs, CONTEXT_PROGRAM_FS);
ISOTACH_AT(program_gs, CONTEXT_PROGRAM_GS);
ISOTACH_AT(slots, CONTEXT_SLOTS);
ISOTACH_AT(resume, CONTEXT_RESUME);
ISOTACH_AT(self, CONTEXT_SELF);
ISOTACH_AT(pending, CONTEXT_PENDING);
ISOTACH_AT(is_dispatching, CONTEXT_IS_DISPATCHING);
ISOTACH_AT(mxcsr, CONTEXT_MXCSR);
ISOTACH_AT(host_mxcsr, CONTEXT_HOST_MXCSR);
ISOTACH_AT(counter, CONTEXT_COUNTER);
ISOTACH_AT(thread_id, CONTEXT_THREAD_ID);
ISOTACH_AT(buffers, CONTEXT_BUFFERS);
ISOTACH_AT(call_rsp, CONTEXT_CALL_RSP);
ISOTACH_AT(branched_from, CONTEXT_BRANCHED_FROM);
ISOTACH_AT(vectors, CONTEXT_VECTORS);
ISOTACH_AT(x87, CONTEXT_X87);
ISOTACH_AT(call_save, CONTEXT_CALL_SAVE);
ISOTACH_AT(call_restore, CONTEXT_CALL_RESTORE);
ISOTACH_AT(call_save_all, CONTEXT_CALL_SAVE_ALL);
ISOTACH_AT(call_restore_all, CONTEXT_CALL_RESTORE_ALL);
ISOTACH_AT(addresses, CONTEXT_ADDRESSES);
ISOTACH_AT(taken, CONTEXT_TAKEN);
ISOTACH_AT(executing, CONTEXT_EXECUTING);
ISOTACH_AT(call_flags, CONTEXT_CALL_FLAGS);
ISOTACH_AT(first_repetition, CONTEXT_FIRST_REPETITION);
ISOTACH_AT(tool_registers, CONTEXT_TOOL_REGISTERS);
ISOTACH_AT(argument_copies, CONTEXT_ARGUMENTS);
ISOTACH_AT(buffer_end, CONTEXT_BUFFER_END);
ISOTACH_AT(borrowed, CONTEXT_BORROWED);
ISOTACH_AT(cells, CONTEXT_CELLS);
ISOTACH_AT(element_addresses, CONTEXT_ELEMENT_ADDRESSES);
ISOTACH_AT(element_on, CONTEXT_ELEMENT_ON);
ISOTACH_AT(wide_copies, CONTEXT_WIDE_COPIES);
ISOTACH_AT(accesses, CONTEXT_ACCESSES);
#undef ISOTACH_AT

// The context of the calling thread: only where GS is known to hold it.
inline ThreadContext& current_context() {
  ThreadContext* context;
  asm("mov %%gs:%c1, %0" : "=r"(context) : "i"(CONTEXT_SELF));
  return *context;
}

}  // namespace isotach::dbi
