#include "engine/os/lent_thread.h"

#include <immintrin.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

#include <cstdlib>

#include "engine/os/lock.h"
#include "engine/os/raw_syscall.h"

namespace isotach::dbi {
namespace {

// As much as tools written for Pin may expect on a thread's stack.
constexpr size_t kStackBytes = size_t{256} << 10;

Lock pool_lock;
LentThread* pool = nullptr;  // all that were ever made

void* publish_and_leave(void* argument) {
  auto* lent = static_cast<LentThread*>(argument);
  std::free(std::malloc(1));  // the allocator's part of the control block is made now
  asm("mov %%fs:0, %0" : "=r"(lent->fs_base));
  // The kernel clears this word, and wakes who waits for it, when the thread is really gone.
  raw_syscall(SYS_set_tid_address, reinterpret_cast<uint64_t>(&lent->in_use));
  for (;;) raw_syscall(SYS_exit, 0);
}

void wait_until_free(LentThread* lent) {
  for (;;) {
    const uint32_t value = __atomic_load_n(&lent->in_use, __ATOMIC_ACQUIRE);
    if (value == 0) return;
    // Not a private futex: the kernel's wake-up at the end of a thread is not.
    raw_syscall(SYS_futex, reinterpret_cast<uint64_t>(&lent->in_use), FUTEX_WAIT, value);
  }
}

LentThread* make_lent_thread() {
  auto* lent = new LentThread;
  lent->in_use = 1;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // None of the program's signals may be taken by it.
  const uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  raw_syscall(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, reinterpret_cast<uint64_t>(&all),
              reinterpret_cast<uint64_t>(&before), 8);
  pthread_t thread;
  const int result = pthread_create(&thread, &attributes, publish_and_leave, lent);
  if (result == 0) wait_until_free(lent);
  raw_syscall(SYS_rt_sigprocmask, 2, reinterpret_cast<uint64_t>(&before), 0, 8);
  pthread_attr_destroy(&attributes);
  if (result != 0) {
    delete lent;
    return nullptr;
  }
  // The control block lies at the top of the stack's mapping, with the thread's variables below it.
  void* low = nullptr;
  size_t size = 0;
  pthread_attr_t made;
  if (pthread_getattr_np(thread, &made) == 0) {
    pthread_attr_getstack(&made, &low, &size);
    pthread_attr_destroy(&made);
  }
  lent->stack_low = reinterpret_cast<uint64_t>(low);
  lent->stack_top = reinterpret_cast<uint64_t>(low) + size;
  return lent;
}

}  // namespace

LentThread* lend_thread() {
  {
    Locked locked(pool_lock);
    for (LentThread* lent = pool; lent != nullptr; lent = lent->next) {
      if (__atomic_load_n(&lent->in_use, __ATOMIC_ACQUIRE) == 0) {
        lent->in_use = 1;
        return lent;
      }
    }
  }
  LentThread* lent = make_lent_thread();
  if (lent == nullptr) return nullptr;
  lent->in_use = 1;
  Locked locked(pool_lock);
  lent->next = pool;
  pool = lent;
  return lent;
}

void give_back_thread(LentThread* lent) {
  __atomic_store_n(&lent->in_use, 0, __ATOMIC_RELEASE);
}

void forget_lent_threads(LentThread* mine) {
  pool_lock.reset();
  for (LentThread* lent = pool; lent != nullptr; lent = lent->next) lent->in_use = lent == mine ? 1 : 0;
}

}  // namespace isotach::dbi
