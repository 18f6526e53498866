// The program's system calls about signals.
#include <errno.h>
#include <sys/syscall.h>

#include "engine/dispatch/context.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/kernel_signals.h"
#include "engine/dispatch/signal_frame.h"
#include "engine/dispatch/system_calls.h"
#include "engine/os/raw_syscall.h"

extern "C" {
void isotach_signal_return();
int64_t isotach_program_system_call(const uint64_t* registers, uint64_t number, const uint32_t* pending);
}

namespace isotach::dbi {

int64_t kernel_sigaction(int signal, const SignalAction* action, SignalAction* old) {
  return raw_syscall(SYS_rt_sigaction, static_cast<uint64_t>(signal), reinterpret_cast<uint64_t>(action),
                     reinterpret_cast<uint64_t>(old), kSetSize);
}

bool change_mask(ThreadContext& context, uint64_t how, const uint64_t* set, uint64_t* old, int64_t& result) {
  uint64_t registers[16] = {};
  registers[rdi] = how;
  registers[rsi] = reinterpret_cast<uint64_t>(set);
  registers[rdx] = reinterpret_cast<uint64_t>(old);
  registers[r10] = kSetSize;
  result = isotach_program_system_call(registers, SYS_rt_sigprocmask, &context.pending);
  return result != kInterrupted;
}

void send_to_itself(const siginfo_t& info) {
  raw_syscall(SYS_rt_tgsigqueueinfo, static_cast<uint64_t>(raw_syscall(SYS_getpid)),
              static_cast<uint64_t>(raw_syscall(SYS_gettid)), static_cast<uint64_t>(info.si_signo),
              reinterpret_cast<uint64_t>(&info));
}

void send_held_faults(ThreadContext& context) {
  for (siginfo_t& info : context.signals->held) {
    if (info.si_signo == 0) continue;
    const siginfo_t one = info;
    info = {};
    send_to_itself(one);
  }
}

void set_program_mask(ThreadContext& context, uint64_t mask) {
  SignalState& state = *context.signals;
  state.blocked_faults = mask & kFaults;
  const uint64_t kernel_mask = mask & ~kFaults;
  int64_t result;
  if (!change_mask(context, SIG_SETMASK, &kernel_mask, nullptr, result)) state.mask = mask;
  send_held_faults(context);
}

bool is_wanted_by_tool(int signal) {
  return (dbi::engine().events.wanted_signals & bit(signal)) != 0;
}

SignalAction kernel_action(int signal, const SignalAction& wanted) {
  // A program that would die of it must not do so of what the tool writes: see is_own_broken_pipe().
  const bool may_be_own = signal == SIGPIPE && wanted.handler == 0;
  if (wanted.handler <= 1 && !may_be_own && !is_fault_signal(signal) && !is_wanted_by_tool(signal))
    return wanted;
  constexpr uint64_t kSaRestorer = 0x04000000;
  SignalAction action;
  action.handler = reinterpret_cast<uint64_t>(&master_handler);
  action.flags =
      SA_SIGINFO | SA_ONSTACK | kSaRestorer | (wanted.flags & (SA_RESTART | SA_NOCLDSTOP | SA_NOCLDWAIT));
  action.restorer = reinterpret_cast<uint64_t>(&isotach_signal_return);
  action.mask = ~kFaults;
  return action;
}

int64_t program_sigaction(ThreadContext& context, int signal, uint64_t action, uint64_t old,
                          uint64_t set_size) {
  if (set_size != kSetSize) return -EINVAL;
  if (signal < 1 || signal > 64 || (action != 0 && (signal == SIGKILL || signal == SIGSTOP))) return -EINVAL;
  SignalAction wanted;
  if (action != 0 && !isotach_safe_copy(&wanted, reinterpret_cast<void*>(action), sizeof wanted))
    return -EFAULT;
  ProcessState& process = *context.process;
  SignalAction before;
  {
    Locked locked(process.lock);
    before = process.actions[signal];
    if (action != 0) {
      const SignalAction ours = kernel_action(signal, wanted);
      const int64_t result = kernel_sigaction(signal, &ours, nullptr);
      if (result < 0) return result;
      wanted.mask &= ~kNeverBlocked;
      process.actions[signal] = wanted;
      if (signal == SIGSEGV && wanted.handler > 1) note_branches();
    }
  }
  if (old != 0 && !isotach_safe_copy(reinterpret_cast<void*>(old), &before, sizeof before)) return -EFAULT;
  return 0;
}

int64_t program_sigaltstack(ThreadContext& context, uint64_t stack, uint64_t old) {
  SignalState& state = *context.signals;
  stack_t wanted{};
  if (stack != 0 && !isotach_safe_copy(&wanted, reinterpret_cast<void*>(stack), sizeof wanted))
    return -EFAULT;
  stack_t now = state.program_stack;
  const uint64_t sp = context.registers[rsp];
  const auto low = reinterpret_cast<uint64_t>(now.ss_sp);
  const bool is_on = (now.ss_flags & SS_DISABLE) == 0 && sp > low && sp - low <= now.ss_size &&
                     (now.ss_flags & static_cast<int>(0x80000000u)) == 0;
  if (is_on) now.ss_flags |= SS_ONSTACK;
  if (stack != 0) {
    if (is_on) return -EPERM;
    const int mode = wanted.ss_flags & ~static_cast<int>(0x80000000u);
    if (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK) return -EINVAL;
    if (mode == SS_DISABLE) {
      wanted.ss_sp = nullptr;
      wanted.ss_size = 0;
    } else if (wanted.ss_size < 2048) {
      return -ENOMEM;
    }
    wanted.ss_flags &= ~SS_ONSTACK;
    state.program_stack = wanted;
  }
  if (old != 0 && !isotach_safe_copy(reinterpret_cast<void*>(old), &now, sizeof now)) return -EFAULT;
  return 0;
}

int64_t program_sigprocmask(ThreadContext& context, int how, uint64_t set, uint64_t old, uint64_t set_size) {
  if (set_size != kSetSize) return -EINVAL;
  SignalState& state = *context.signals;
  uint64_t wanted = 0;
  if (set != 0 && !isotach_safe_copy(&wanted, reinterpret_cast<void*>(set), sizeof wanted)) return -EFAULT;
  const uint64_t kernel_wanted = how == SIG_UNBLOCK ? wanted : wanted & ~kFaults;
  // Set before the kernel is told: one that waits there comes as soon as its mask lets it.
  const uint64_t faults_before = state.blocked_faults;
  if (set != 0) {
    if (how == SIG_BLOCK) state.blocked_faults |= wanted & kFaults;
    if (how == SIG_UNBLOCK) state.blocked_faults &= ~wanted;
    if (how == SIG_SETMASK) state.blocked_faults = wanted & kFaults;
  }
  uint64_t before = 0;
  int64_t result;
  const bool is_changed =
      change_mask(context, static_cast<uint64_t>(how), set != 0 ? &kernel_wanted : nullptr, &before, result);
  if (!is_changed || result < 0) {
    state.blocked_faults = faults_before;
    if (state.is_recorded) state.mask = (state.mask & ~kFaults) | faults_before;
    return is_changed ? result : kInterrupted;
  }
  before |= faults_before;
  if (old != 0 && !isotach_safe_copy(reinterpret_cast<void*>(old), &before, sizeof before)) return -EFAULT;
  return 0;
}

bool program_sigreturn(ThreadContext& context) {
  uint64_t mask = 0;
  if (!read_signal_frame(context, mask)) return false;
  set_program_mask(context, mask & ~kNeverBlocked);
  return true;
}

}  // namespace isotach::dbi
