// The signals of a thread and of the process, when the engine begins with them and when it ends.
#include <sys/mman.h>
#include <sys/syscall.h>

#include "engine/dispatch/engine.h"
#include "engine/dispatch/kernel_signals.h"
#include "engine/dispatch/stop_threads.h"
#include "engine/os/own_memory.h"
#include "engine/os/raw_syscall.h"
#include "engine/os/stop.h"

namespace isotach::dbi {
namespace {

constexpr size_t kStackBytes = size_t{64} << 10;

}  // namespace

void prepare_thread_signals(ThreadContext& context) {
  auto* state = new SignalState;
  const int64_t stack = raw_syscall(SYS_mmap, 0, kStackBytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, static_cast<uint64_t>(-1), 0);
  if (stack < 0 && stack > -4096) stop("no memory for a signal stack");
  note_own_memory(static_cast<uint64_t>(stack), kStackBytes);
  state->stack_low = static_cast<uint64_t>(stack);
  state->stack_size = kStackBytes;
  state->program_stack.ss_flags = SS_DISABLE;
  context.signals = state;
}

void install_signal_stack(ThreadContext& context) {
  stack_t stack{};
  stack.ss_sp = reinterpret_cast<void*>(context.signals->stack_low);
  stack.ss_size = context.signals->stack_size;
  raw_syscall(SYS_sigaltstack, reinterpret_cast<uint64_t>(&stack), 0);
}

void release_thread_signals(ThreadContext& context) {
  stack_t stack{};
  stack.ss_flags = SS_DISABLE;
  raw_syscall(SYS_sigaltstack, reinterpret_cast<uint64_t>(&stack), 0);
  release_signal_memory(context);
}

void release_signal_memory(ThreadContext& context) {
  forget_own_memory(context.signals->stack_low, context.signals->stack_size);
  raw_syscall(SYS_munmap, context.signals->stack_low, context.signals->stack_size);
  delete context.signals;
  context.signals = nullptr;
}

void take_over_actions(ProcessState& process) {
  for (int signal = 1; signal <= 64; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    SignalAction now;
    if (kernel_sigaction(signal, nullptr, &now) != 0) continue;
    process.actions[signal] = now;
    if (signal == SIGSEGV && now.handler > 1) note_branches();
    const SignalAction ours = kernel_action(signal, now);
    if (ours.handler != now.handler) kernel_sigaction(signal, &ours, nullptr);
  }
  allow_stops();
}

void take_over_signals(ThreadContext& context) {
  take_over_actions(*context.process);
  uint64_t mask = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, reinterpret_cast<uint64_t>(&mask), kSetSize);
  if ((mask & kFaults) != 0) set_program_mask(context, mask);
}

void begin_with_mask(ThreadContext& context, uint64_t mask) {
  set_program_mask(context, mask);
}

void give_back_signals(ThreadContext& context, bool all) {
  ProcessState& process = *context.process;
  for (int signal = 1; signal <= 64; ++signal) {
    const SignalAction& action = process.actions[signal];
    // exec resets what is handled by itself; only an ignored fault must be told to the kernel.
    if (all ? (action.handler > 1 || is_fault_signal(signal) || signal == SIGPIPE)
            : (is_fault_signal(signal) && action.handler == 1)) {
      kernel_sigaction(signal, &action, nullptr);
    }
  }
}

}  // namespace isotach::dbi
