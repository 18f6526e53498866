#include "engine/dispatch/threads.h"

#include <errno.h>
#include <immintrin.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>

#include <new>

#include <algorithm>
#include <iterator>

#include "engine/dispatch/engine.h"
#include "engine/dispatch/signals.h"
#include "engine/dispatch/single_step.h"
#include "engine/dispatch/stop_threads.h"
#include "engine/dispatch/system_calls.h"
#include "engine/instrument/buffer.h"
#include "engine/instrument/counters.h"
#include "engine/os/lent_thread.h"
#include "engine/os/raw_syscall.h"
#include "engine/os/stop.h"

extern "C" {
int64_t isotach_clone(uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t child_tid, uint64_t tls);
void isotach_call_save();
void isotach_call_restore();
void isotach_call_save_all();
void isotach_call_restore_all();
[[noreturn]] void isotach_exit_thread(uint32_t* in_use, int code);
[[noreturn]] void isotach_thread_start(isotach::dbi::ThreadContext* context);
}

// clone(2) of a thread that begins in isotach_thread_start, with what lies on its stack as the argument.
asm(R"(
    .text
    .globl isotach_clone
isotach_clone:
    mov %rcx, %r10
    mov $56, %eax
    syscall
    test %rax, %rax
    jnz 1f
    xor %ebp, %ebp
    pop %rdi
    and $-16, %rsp
    call isotach_thread_start@PLT
1:  ret
)");

namespace isotach::dbi {
namespace {

uint64_t block_all_signals() {
  const uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<uint64_t>(&all),
              reinterpret_cast<uint64_t>(&before), 8);
  return before;
}

void set_signal_mask(uint64_t mask) {
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<uint64_t>(&mask), 0, 8);
}

void list_thread(ThreadContext& context) {
  Engine& engine = dbi::engine();
  Locked locked(engine.threads_lock);
  context.next = engine.threads;
  engine.threads = &context;
}

// Returns whether it was the last.
bool unlist_thread(ThreadContext& context) {
  Engine& engine = dbi::engine();
  Locked locked(engine.threads_lock);
  for (ThreadContext** at = &engine.threads; *at != nullptr; at = &(*at)->next) {
    if (*at == &context) {
      settle_counters_locked(context);
      engine.counted_by_ended_threads += context.counter;
      *at = context.next;
      break;
    }
  }
  return engine.threads == nullptr;
}

// Tools index arrays by it, so that of a thread that ended is given again.
uint64_t smallest_free_number() {
  Engine& engine = dbi::engine();
  Locked locked(engine.threads_lock);
  for (uint64_t number = 0;; ++number) {
    const ThreadContext* one = engine.threads;
    while (one != nullptr && one->thread_id != number) one = one->next;
    if (one == nullptr) return number;
  }
}

// What belongs to the tool: a child of vfork(2) works with that of its parent, which waits meanwhile.
void copy_tool_state(ThreadContext& to, const ThreadContext& from) {
  to.thread_id = from.thread_id;
  to.unique_id = from.unique_id;
  std::copy(std::begin(from.buffers), std::end(from.buffers), to.buffers);
  std::copy(std::begin(from.buffer_end), std::end(from.buffer_end), to.buffer_end);
  std::copy(std::begin(from.buffer_low), std::end(from.buffer_low), to.buffer_low);
  std::copy(std::begin(from.tool_registers), std::end(from.tool_registers), to.tool_registers);
  std::copy(std::begin(from.tool_keys), std::end(from.tool_keys), to.tool_keys);
}

ThreadContext& make_context(ProcessState& process, LentThread* lent) {
  auto* context = new ThreadContext{};
  context->self = context;
  context->process = &process;
  context->lent = lent;
  context->epoch = kOutside;
  context->outer_epoch = kOutside;
  context->is_dispatching = 1;
  context->mxcsr = context->host_mxcsr = 0x1f80;
  context->thread_id = smallest_free_number();
  context->unique_id = dbi::engine().next_thread_id++;
  context->call_save = isotach_call_save;
  context->call_restore = isotach_call_restore;
  context->call_save_all = isotach_call_save_all;
  context->call_restore_all = isotach_call_restore_all;
  prepare_thread_signals(*context);
  return *context;
}

// What a child has of its parent.
void copy_program_state(ThreadContext& child, const ThreadContext& parent, const CloneArguments& arguments,
                        uint64_t next_pc) {
  for (unsigned i = 0; i < 16; ++i) child.registers[i] = parent.registers[i];
  child.registers[rax] = 0;
  child.registers[rcx] = next_pc;
  child.registers[r11] = flags_with_trap(parent);
  if (arguments.stack != 0) child.registers[rsp] = arguments.stack;
  child.flags = parent.flags;
  child.step.is_wanted = parent.step.is_wanted;
  child.pc = next_pc;
  child.version = parent.version;
  child.program_fs = (arguments.flags & CLONE_SETTLS) != 0 ? arguments.tls : parent.program_fs;
  child.program_gs = parent.program_gs;
  child.mxcsr = parent.mxcsr;
  for (unsigned i = 0; i < 16; ++i) {
    for (unsigned k = 0; k < 16; ++k) child.vectors[i][k] = parent.vectors[i][k];
  }
  for (unsigned i = 0; i < sizeof child.x87; ++i) child.x87[i] = parent.x87[i];
}

int64_t clone_thread(ThreadContext& parent, const CloneArguments& arguments, uint64_t next_pc,
                     bool is_vfork) {
  LentThread* lent = lend_thread();
  if (lent == nullptr) return -EAGAIN;
  const uint64_t mask = block_all_signals();
  if (parent.signals->is_recorded) {
    // It came just now, and is not the child's too.
    set_signal_mask(mask);
    give_back_thread(lent);
    return kInterrupted;
  }
  ProcessState* process = parent.process;
  if ((arguments.flags & CLONE_SIGHAND) == 0) {
    process = new ProcessState;
    Locked locked(parent.process->lock);
    for (int i = 0; i < 65; ++i) process->actions[i] = parent.process->actions[i];
  }
  ThreadContext& child = make_context(*process, lent);
  copy_program_state(child, parent, arguments, next_pc);
  if (is_vfork) copy_tool_state(child, parent);
  child.is_process = (arguments.flags & CLONE_THREAD) == 0;
  if (child.is_process)
    child.signals->program_stack = is_vfork ? parent.signals->program_stack : stack_t{nullptr, SS_DISABLE, 0};
  child.signals->blocked_faults = parent.signals->blocked_faults;
  child.first_mask = mask;
  list_thread(child);
  auto* top = reinterpret_cast<uint64_t*>(lent->stack_top & ~uint64_t{63}) - 8;
  *top = reinterpret_cast<uint64_t>(&child);
  // pidfd and parent_tid are the same word of clone(2).
  const uint64_t second = (arguments.flags & CLONE_PIDFD) != 0 ? arguments.pidfd : arguments.parent_tid;
  const int64_t result =
      isotach_clone(arguments.flags | CLONE_SETTLS | arguments.exit_signal, reinterpret_cast<uint64_t>(top),
                    second, arguments.child_tid, lent->fs_base);
  set_signal_mask(mask);
  if (result < 0 || is_vfork) {
    // It never was, or has called exec or exit by now.
    if (is_vfork && result >= 0) copy_tool_state(parent, child);
    unlist_thread(child);
    if (child.process != parent.process) delete child.process;
    release_signal_memory(child);
    delete &child;
    give_back_thread(lent);
  }
  return result;
}

int64_t clone_process(ThreadContext& context, const CloneArguments& arguments) {
  Engine& engine = dbi::engine();
  const uint64_t mask = block_all_signals();
  if (context.signals->is_recorded) {
    set_signal_mask(mask);
    return kInterrupted;
  }
  settle_all_counters();  // what the others have counted is the child's too
  if (engine.events.fork_before != nullptr) engine.events.fork_before(context);
  engine.lock.lock();
  engine.threads_lock.lock();
  context.process->lock.lock();
  const uint64_t second = (arguments.flags & CLONE_PIDFD) != 0 ? arguments.pidfd : arguments.parent_tid;
  const int64_t result =
      raw_syscall(SYS_clone, (arguments.flags & ~uint64_t{CLONE_SETTLS}) | arguments.exit_signal, 0, second,
                  arguments.child_tid, 0);
  if (result == 0) {
    // The other threads are not here; their contexts stay, for what a tool may have kept of them.
    context.next = nullptr;
    engine.threads = &context;
    forget_stops(context);
    if (arguments.stack != 0) context.registers[rsp] = arguments.stack;
    if ((arguments.flags & CLONE_SETTLS) != 0) context.program_fs = arguments.tls;
    forget_lent_threads(context.lent);
  }
  context.process->lock.unlock();
  engine.threads_lock.unlock();
  engine.lock.unlock();
  set_signal_mask(mask);
  if (result == 0) {
    context.kernel_id = static_cast<uint64_t>(raw_syscall(SYS_gettid));
    if (context.lent != nullptr) enter_lent_thread(context.lent, static_cast<uint32_t>(context.kernel_id));
    if (engine.events.fork_child != nullptr) engine.events.fork_child(context);
  } else if (engine.events.fork_parent != nullptr) {
    engine.events.fork_parent(context);
  }
  return result;
}

}  // namespace

void set_gs_base(uint64_t base) {
  asm volatile("wrgsbase %0" ::"r"(base));
}

ThreadContext& adopt_this_thread(ProcessState& process, LentThread* lent) {
  ThreadContext& context = make_context(process, lent);
  context.kernel_id = static_cast<uint64_t>(raw_syscall(SYS_gettid));
  context.host_fs = _readfsbase_u64();
  set_gs_base(reinterpret_cast<uint64_t>(&context));
  install_signal_stack(context);
  list_thread(context);
  return context;
}

void set_program_registers(ThreadContext& context, const ProgramRegisters& from) {
  uint64_t* r = context.registers;
  r[rax] = from.rax;
  r[rcx] = from.rcx;
  r[rdx] = from.rdx;
  r[rbx] = from.rbx;
  r[rsp] = from.rsp;
  r[rbp] = from.rbp;
  r[rsi] = from.rsi;
  r[rdi] = from.rdi;
  r[r8] = from.r8;
  r[r9] = from.r9;
  r[r10] = from.r10;
  r[r11] = from.r11;
  r[r12] = from.r12;
  r[r13] = from.r13;
  r[r14] = from.r14;
  r[r15] = from.r15;
  context.flags = from.eflags & ~kTrapFlag;
  set_trap_flag(context, from.eflags);
  context.pc = from.rip;
  context.program_fs = from.fs_base;
  context.program_gs = from.gs_base;
}

void forget_this_thread(ThreadContext& context) {
  unlist_thread(context);
  release_thread_signals(context);
  dbi::engine().next_thread_id = 0;
}

ThreadContext& adopt_stopped_thread(ProcessState& process, LentThread* lent,
                                    const ProgramRegisters& registers, uint64_t mask) {
  ThreadContext& context = make_context(process, lent);
  set_program_registers(context, registers);
  context.first_mask = mask;
  list_thread(context);
  return context;
}

int64_t program_clone(ThreadContext& context, const CloneArguments& arguments, uint64_t next_pc) {
  if ((arguments.flags & CLONE_VM) == 0) return clone_process(context, arguments);
  if ((arguments.flags & CLONE_VFORK) == 0) return clone_thread(context, arguments, next_pc, false);
  begin_system_call(context);  // it waits for its child
  const int64_t result = clone_thread(context, arguments, next_pc, true);
  end_system_call(context);
  return result;
}

void program_exit_thread(ThreadContext& context, int code) {
  Engine& engine = dbi::engine();
  if (context.is_process) {
    // A child of vfork: its parent takes back what it used.
    for (;;) raw_syscall(SYS_exit, static_cast<uint64_t>(code));
  }
  if (engine.events.thread_ending != nullptr) engine.events.thread_ending(context, code);
  block_all_signals();
  const bool is_last = unlist_thread(context);
  stopped_thread_ends(context);
  if (is_last) {
    tell_process_end(context, code);
    for (;;) raw_syscall(SYS_exit, static_cast<uint64_t>(code));
  }
  LentThread* lent = context.lent;
  if (lent != nullptr) clean_lent_thread(lent);
  release_thread_signals(context);
  set_gs_base(0);
  delete &context;
  static uint32_t nobody = 0;
  isotach_exit_thread(lent != nullptr && !lent->stays ? &lent->in_use : &nobody, code);
}

void program_exit_process(ThreadContext& context, int code) {
  if (!context.is_process) tell_process_end(context, code);
  for (;;) raw_syscall(SYS_exit_group, static_cast<uint64_t>(code));
}

}  // namespace isotach::dbi

// The first code of a new thread of the program, on its lent stack, all signals blocked.
extern "C" void isotach_thread_start(isotach::dbi::ThreadContext* context) {
  using namespace isotach::dbi;
  set_gs_base(reinterpret_cast<uint64_t>(context));
  context->kernel_id = static_cast<uint64_t>(raw_syscall(SYS_gettid));
  context->host_fs = context->lent->fs_base;
  enter_lent_thread(context->lent, static_cast<uint32_t>(context->kernel_id));
  install_signal_stack(*context);
  set_signal_mask(context->first_mask);
  wait_while_stopped(*context);
  Engine& engine = isotach::dbi::engine();
  if (!context->is_process && engine.events.thread_started != nullptr) engine.events.thread_started(*context);
  if (context->buffer_low[0] == 0) start_trace_buffers(*context);
  run_program(*context);
}
