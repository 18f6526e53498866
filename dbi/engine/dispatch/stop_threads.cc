#include "engine/dispatch/stop_threads.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>

#include "engine/dispatch/engine.h"
#include "engine/os/raw_syscall.h"

namespace isotach::dbi {
namespace {

constexpr uint64_t kRequestValue = 0x69736f7473746f70;  // "potstosi"
// A signal may not have been sent, for want of room in the kernel's queue or of a handler yet: then it is
// tried again.
constexpr timespec kAgain{0, 20'000'000};
// Until those that were let go before have left their places.
constexpr timespec kUntilLeft{0, 50'000};

// ThreadContext::is_waiting: in wait_while_stopped(), or somewhere else for as long as stay_stopped() says.
enum Waiting : uint32_t { kRuns, kWaits, kStays };

uint32_t taken = 0;   // 1: somebody is about to stop all others
uint32_t wanted = 0;  // futex; 1: all but `stopper` are to wait
ThreadContext* stopper = nullptr;
uint32_t changes = 0;  // futex: threads that began to wait, or ended
uint64_t generation = 0;
uint32_t is_allowed = 0;

bool is_stopper(const ThreadContext* context) {
  return __atomic_load_n(&stopper, __ATOMIC_SEQ_CST) == context;
}

bool is_wanted() {
  return __atomic_load_n(&wanted, __ATOMIC_SEQ_CST) != 0;
}

void tell_stopper() {
  __atomic_add_fetch(&changes, 1, __ATOMIC_SEQ_CST);
  raw_syscall(SYS_futex, reinterpret_cast<uint64_t>(&changes), FUTEX_WAKE_PRIVATE, 1);
}

// Makes a barrier of each thread's, so that begin_system_call() needs none: a thread that we do not see in a
// system call afterwards sees `wanted`.
bool synchronize_threads() {
  if (raw_syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == 0) return true;
  return raw_syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0) == 0 &&
         raw_syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == 0;
}

void send_request(ThreadContext& context) {
  siginfo_t info{};
  info.si_signo = SIGTRAP;
  info.si_code = SI_QUEUE;
  info.si_value.sival_ptr = reinterpret_cast<void*>(kRequestValue);
  const int64_t result = raw_syscall(SYS_rt_tgsigqueueinfo, static_cast<uint64_t>(raw_syscall(SYS_getpid)),
                                     context.kernel_id, SIGTRAP, reinterpret_cast<uint64_t>(&info));
  if (result == 0) context.stop_request = generation;
}

// Who stops all others again and again, without a pause, would otherwise keep them from ever going on.
void wait_until_all_have_left(const ThreadContext* self) {
  Engine& engine = dbi::engine();
  for (;;) {
    bool all = true;
    {
      Locked locked(engine.threads_lock);
      for (const ThreadContext* one = engine.threads; one != nullptr; one = one->next) {
        if (one != self && __atomic_load_n(&one->is_waiting, __ATOMIC_SEQ_CST) == kWaits) all = false;
      }
    }
    if (all) return;
    raw_syscall(SYS_nanosleep, reinterpret_cast<uint64_t>(&kUntilLeft), 0);
  }
}

// Asks those that have not been asked. Returns whether all wait.
bool ask_all(const ThreadContext* self) {
  Engine& engine = dbi::engine();
  Locked locked(engine.threads_lock);
  bool all = true;
  for (ThreadContext* one = engine.threads; one != nullptr; one = one->next) {
    if (one == self || one->is_process || is_stopped(*one)) continue;
    all = false;
    const bool can_be_asked = one->kernel_id != 0 && __atomic_load_n(&is_allowed, __ATOMIC_SEQ_CST) != 0;
    if (can_be_asked && one->stop_request != generation) send_request(*one);
  }
  return all;
}

}  // namespace

bool is_stopped(const ThreadContext& context) {
  return __atomic_load_n(&context.is_waiting, __ATOMIC_SEQ_CST) != 0 ||
         __atomic_load_n(&context.is_in_system_call, __ATOMIC_SEQ_CST) != 0;
}

StopResult stop_other_threads(ThreadContext* self) {
  if (!synchronize_threads()) return StopResult::not_possible;
  uint32_t nobody = 0;
  if (!__atomic_compare_exchange_n(&taken, &nobody, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    raw_syscall(SYS_sched_yield);
    return StopResult::others_stop;
  }
  if (is_wanted()) {
    __atomic_store_n(&taken, 0, __ATOMIC_SEQ_CST);
    return self != nullptr && is_stopper(self) ? StopResult::stopped : StopResult::others_stop;
  }
  wait_until_all_have_left(self);
  __atomic_store_n(&stopper, self, __ATOMIC_SEQ_CST);
  ++generation;
  __atomic_store_n(&wanted, 1, __ATOMIC_SEQ_CST);
  __atomic_store_n(&taken, 0, __ATOMIC_SEQ_CST);
  synchronize_threads();
  for (;;) {
    const uint32_t seen = __atomic_load_n(&changes, __ATOMIC_SEQ_CST);
    if (ask_all(self)) return StopResult::stopped;
    raw_syscall(SYS_futex, reinterpret_cast<uint64_t>(&changes), FUTEX_WAIT_PRIVATE, seen,
                reinterpret_cast<uint64_t>(&kAgain));
  }
}

void resume_other_threads() {
  if (!is_wanted()) return;
  __atomic_store_n(&stopper, nullptr, __ATOMIC_SEQ_CST);
  __atomic_store_n(&wanted, 0, __ATOMIC_SEQ_CST);
  raw_syscall(SYS_futex, reinterpret_cast<uint64_t>(&wanted), FUTEX_WAKE_PRIVATE, INT32_MAX);
}

void let_one_go_on(ThreadContext* context) {
  __atomic_store_n(&stopper, context, __ATOMIC_SEQ_CST);
  raw_syscall(SYS_futex, reinterpret_cast<uint64_t>(&wanted), FUTEX_WAKE_PRIVATE, INT32_MAX);
}

void wait_while_stopped(ThreadContext& context) {
  if (!is_wanted() || is_stopper(&context) || context.is_process) return;
  // It goes on only where nobody has counted it as one that waits, for a stop that came just then.
  do {
    __atomic_store_n(&context.is_waiting, kWaits, __ATOMIC_SEQ_CST);
    tell_stopper();
    while (is_wanted() && !is_stopper(&context)) {
      raw_syscall(SYS_futex, reinterpret_cast<uint64_t>(&wanted), FUTEX_WAIT_PRIVATE, 1);
    }
    __atomic_store_n(&context.is_waiting, kRuns, __ATOMIC_SEQ_CST);
  } while (is_wanted() && !is_stopper(&context));
}

void stay_stopped(ThreadContext& context) {
  __atomic_store_n(&context.is_waiting, kStays, __ATOMIC_SEQ_CST);
  tell_stopper();
}

void stay_no_longer(ThreadContext& context) {
  __atomic_store_n(&context.is_waiting, kRuns, __ATOMIC_SEQ_CST);
  wait_while_stopped(context);
}

void begin_system_call(ThreadContext& context) {
  if (context.is_process) return;
  for (;;) {
    __atomic_store_n(&context.is_in_system_call, 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&wanted, __ATOMIC_RELAXED) == 0 || is_stopper(&context)) return;
    __atomic_store_n(&context.is_in_system_call, 0, __ATOMIC_RELAXED);
    wait_while_stopped(context);
  }
}

void end_system_call(ThreadContext& context) {
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&context.is_in_system_call, 0, __ATOMIC_RELAXED);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  if (__atomic_load_n(&wanted, __ATOMIC_RELAXED) != 0) wait_while_stopped(context);
}

void stopped_thread_ends(const ThreadContext& context) {
  if (!is_wanted()) return;
  if (is_stopper(&context)) {
    resume_other_threads();
  } else {
    tell_stopper();
  }
}

void forget_stops(ThreadContext& context) {
  taken = wanted = 0;
  stopper = nullptr;
  context.is_waiting = kRuns;
}

void allow_stops() {
  __atomic_store_n(&is_allowed, 1, __ATOMIC_SEQ_CST);
}

bool is_request_to_stop(const siginfo_t& info) {
  return info.si_signo == SIGTRAP && info.si_code == SI_QUEUE &&
         reinterpret_cast<uint64_t>(info.si_value.sival_ptr) == kRequestValue;
}

}  // namespace isotach::dbi
