// Signals that were recorded, or that the engine raises itself, as the program gets them.
#include <sys/syscall.h>

#include "engine/dispatch/attach.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/kernel_signals.h"
#include "engine/dispatch/signal_frame.h"
#include "engine/dispatch/single_step.h"
#include "engine/dispatch/stop_threads.h"
#include "engine/os/raw_syscall.h"
#include "engine/os/stop.h"

namespace isotach::dbi {
namespace {

constexpr uint64_t kResumeFlag = 0x10000;

[[noreturn]] void die_by(int signal) {
  const SignalAction by_default{};
  kernel_sigaction(signal, &by_default, nullptr);
  const uint64_t mask = ~bit(signal);
  const int64_t process = raw_syscall(SYS_getpid);
  const int64_t thread = raw_syscall(SYS_gettid);
  raw_syscall(SYS_tgkill, static_cast<uint64_t>(process), static_cast<uint64_t>(thread),
              static_cast<uint64_t>(signal));
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<uint64_t>(&mask), 0, kSetSize);
  for (;;) raw_syscall(SYS_exit_group, static_cast<uint64_t>(128 + signal));
}

// Only of those that a tool wants: the kernel does it by itself for the others.
bool is_ignored_by_default(int signal) {
  return signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH || signal == SIGCONT;
}
bool is_stop_signal(int signal) {
  return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

// Makes the frame and sends the program into its handler.
void deliver(ThreadContext& context) {
  SignalState& state = *context.signals;
  ProcessState& process = *context.process;
  const siginfo_t info = state.info;
  const int signal = info.si_signo;
  const uint64_t mask = state.mask;
  state.is_recorded = false;
  const FaultRegisters fault = context.fault;
  context.fault = {};
  if (is_request_to_leave(info)) {
    if (!is_wanted_to_leave()) {
      set_program_mask(context, mask);
      return;
    }
    send_held_faults(context);
    leave_engine(context, mask);
  }
  if (is_request_to_stop(info)) {
    set_program_mask(context, mask);
    return;
  }

  SignalAction action;
  {
    Locked locked(process.lock);
    action = process.actions[signal];
    if (action.handler > 1 && (action.flags & SA_RESETHAND) != 0) {
      process.actions[signal] = {};
      const SignalAction reset = kernel_action(signal, {});
      kernel_sigaction(signal, &reset, nullptr);
    }
  }
  const EngineEvents& events = dbi::engine().events;
  if (is_wanted_by_tool(signal) && !events.signal_arrived(context, info, action.handler > 1)) {
    set_program_mask(context, mask);
    return;
  }
  const bool is_forced = is_fault_signal(signal) && info.si_code > 0;
  const bool is_ignored = action.handler == 1 || (action.handler == 0 && is_ignored_by_default(signal));
  if (is_ignored && !is_forced) {
    set_program_mask(context, mask);
    return;
  }
  if (action.handler == 0 && is_stop_signal(signal)) {
    raw_syscall(SYS_kill, static_cast<uint64_t>(raw_syscall(SYS_getpid)), SIGSTOP);
    set_program_mask(context, mask);
    return;
  }
  if (action.handler <= 1 || (is_forced && (mask & bit(signal)) != 0)) {
    if (dbi::engine().options.statistics) {
      warn("the program dies of a signal, at", context.pc);
      warn("  accessing", reinterpret_cast<uint64_t>(info.si_addr));
    }
    if (events.context_changing != nullptr) {
      events.context_changing(context, ContextChange::fatal_signal, signal);
      events.context_changed(context, ContextChange::fatal_signal, signal);
    }
    if (!context.is_process) tell_process_end(context, 128 + signal);
    die_by(signal);
  }
  if (events.context_changing != nullptr) events.context_changing(context, ContextChange::signal, signal);
  if (!make_signal_frame(context, action, info, mask, fault)) {
    if (signal == SIGSEGV) die_by(SIGSEGV);
    // As the kernel: no stack for the frame is a fault of its own.
    set_program_mask(context, mask);
    raise_fault(context, SIGSEGV, SI_KERNEL, 0);
    return;
  }
  uint64_t in_handler = mask | action.mask;
  if ((action.flags & SA_NODEFER) == 0) in_handler |= bit(signal);
  set_program_mask(context, in_handler & ~kNeverBlocked);
  if (events.context_changed != nullptr) events.context_changed(context, ContextChange::signal, signal);
}

}  // namespace

void raise_fault(ThreadContext& context, int signal, int code, uint64_t address) {
  SignalState& state = *context.signals;
  // Until it is delivered no other is recorded, as in record().
  const uint64_t all = ~kFaults;
  uint64_t mask = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<uint64_t>(&all),
              reinterpret_cast<uint64_t>(&mask), kSetSize);
  if (state.is_recorded) {
    // One came just before: it waits in the kernel for the handler of this one, or its end.
    send_to_itself(state.info);
    mask = state.mask;
  }
  state.info = {};
  state.info.si_signo = signal;
  state.info.si_code = code;
  state.info.si_addr = reinterpret_cast<void*>(address);
  state.mask = mask | state.blocked_faults;
  state.is_recorded = true;
  constexpr int64_t kDebug = 1, kPageFault = 14;
  context.fault = signal == SIGTRAP ? FaultRegisters{0, kDebug, 0}
                                    : FaultRegisters{0x14, kPageFault, static_cast<greg_t>(address)};
  __atomic_store_n(&context.pending, 1, __ATOMIC_RELAXED);
}

void raise_general_protection(ThreadContext& context) {
  context.flags |= kResumeFlag;
  raise_fault(context, SIGSEGV, SI_KERNEL, 0);
  context.fault = {0, 13, 0};
}

void fault_at_pc(ThreadContext& context) {
  if (context.signals->is_recorded) {
    // The signal that waits is delivered first; its handler returns to this address.
    __atomic_store_n(&context.pending, 1, __ATOMIC_RELAXED);
    return;
  }
  context.flags |= kResumeFlag;  // as the processor has it in a fault
  if (!is_canonical(context.pc)) return raise_general_protection(context);
  Mapping mapping;
  const bool is_mapped = dbi::engine().memory.find(context.pc, mapping);
  raise_fault(context, SIGSEGV, is_mapped ? SEGV_ACCERR : SEGV_MAPERR, context.pc);
  if (is_mapped) context.fault.error |= 1;
}

}  // namespace isotach::dbi

// Called on the host stack before the cache is entered, when a signal was recorded or the program was stopped
// at a boundary for another reason.
extern "C" void isotach_deliver_pending(isotach::dbi::ThreadContext* context) {
  using namespace isotach::dbi;
  __atomic_store_n(&context->epoch, kOutside, __ATOMIC_RELEASE);
  __atomic_store_n(&context->pending, 0, __ATOMIC_RELAXED);
  leave_step(*context);
  if (context->signals->is_recorded) {
    deliver(*context);
  }
  wait_while_stopped(*context);
  resume_at_pc(*context);
}
