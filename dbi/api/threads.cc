// Locks, threads' own data, threads of the tool.
#include <errno.h>
#include <immintrin.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "api/hooks.h"
#include "engine/dispatch/context.h"
#include "engine/dispatch/engine.h"
#include "engine/os/lock.h"
#include "engine/os/raw_syscall.h"
#include "pin.H"

namespace isotach::dbi::api {
namespace {

// Threads of the tool are numbered from here: the program's have small dense numbers.
constexpr THREADID kFirstInternal = 1 << 16;
constexpr unsigned kMostInternal = 256;
constexpr unsigned kMostKeys = 128;

struct InternalThread {
  std::atomic<uint32_t> done{0};  // futex
  std::atomic<bool> used{false};
  THREADID number = 0;
  OS_THREAD_ID kernel_id = 0;
  INT32 exit_code = 0;
  ROOT_THREAD_FUNC function = nullptr;
  VOID* argument = nullptr;
  uint64_t keys[kMostKeys] = {};
};

InternalThread internal_threads[kMostInternal];
thread_local InternalThread* own_internal = nullptr;

struct Key {
  std::atomic<bool> used{false};
  DESTRUCTFUN destructor = nullptr;
};
Key keys[kMostKeys];

void wait_while(volatile uint32_t* word, uint32_t value, const timespec* timeout = nullptr) {
  raw_syscall(SYS_futex, reinterpret_cast<uint64_t>(word), FUTEX_WAIT_PRIVATE, value,
              reinterpret_cast<uint64_t>(timeout));
}
void wake(volatile uint32_t* word, int count) {
  raw_syscall(SYS_futex, reinterpret_cast<uint64_t>(word), FUTEX_WAKE_PRIVATE, static_cast<uint64_t>(count));
}

// A futex: 0 free, 1 taken, 2 taken and others wait.
void take(volatile uint32_t* word) {
  if (__sync_bool_compare_and_swap(word, 0, 1)) return;
  while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0) wait_while(word, 2);
}
void release(volatile uint32_t* word) {
  if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2) wake(word, 1);
}

void* run_internal(void* pointer) {
  auto* self = static_cast<InternalThread*>(pointer);
  own_internal = self;
  self->kernel_id = static_cast<OS_THREAD_ID>(syscall(SYS_gettid));
  self->function(self->argument);
  PIN_ExitThread(0);
}

// Data of threads that have ended, of keys without a destructor: tools read it when the program ends.
struct Ended {
  std::mutex lock;
  std::map<std::pair<THREADID, TLS_KEY>, uint64_t> values;
};
Ended& ended() {
  static auto* const all = new Ended;
  return *all;
}

uint64_t* key_slot(TLS_KEY key, THREADID thread) {
  if (key < 0 || key >= static_cast<TLS_KEY>(kMostKeys) || !keys[key].used) return nullptr;
  if (thread >= kFirstInternal && thread < kFirstInternal + kMostInternal) {
    return &internal_threads[thread - kFirstInternal].keys[key];
  }
  ThreadContext* context = this_thread();
  if (context == nullptr || context->thread_id != thread) context = thread_by_number(thread);
  if (context != nullptr) return &context->tool_keys[key];
  const std::lock_guard<std::mutex> guard(ended().lock);
  const auto found = ended().values.find({thread, key});
  return found != ended().values.end() ? &found->second : nullptr;
}

void destroy(uint64_t* values) {
  for (unsigned i = 0; i < kMostKeys; ++i) {
    if (!keys[i].used || values[i] == 0) continue;
    if (keys[i].destructor == nullptr) continue;
    void* value = reinterpret_cast<void*>(values[i]);
    values[i] = 0;
    keys[i].destructor(value);
  }
}

timespec from_milliseconds(UINT32 milliseconds) {
  return {static_cast<time_t>(milliseconds / 1000), static_cast<long>(milliseconds % 1000) * 1'000'000};
}

}  // namespace

void destroy_thread_data(ThreadContext& context) {
  for (unsigned i = 0; i < kMostKeys; ++i) {
    if (!keys[i].used || keys[i].destructor != nullptr || context.tool_keys[i] == 0) continue;
    const std::lock_guard<std::mutex> guard(ended().lock);
    ended().values[{static_cast<THREADID>(context.thread_id), static_cast<TLS_KEY>(i)}] =
        context.tool_keys[i];
  }
  destroy(context.tool_keys);
}
void clear_thread_data(ThreadContext& context) {
  std::memset(context.tool_keys, 0, sizeof context.tool_keys);
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

VOID PIN_InitLock(PIN_LOCK* lock) {
  lock->state_ = 0;
  lock->owner_ = 0;
}
VOID PIN_GetLock(PIN_LOCK* lock, INT32 owner) {
  take(&lock->state_);
  lock->owner_ = owner;
}
INT32 PIN_ReleaseLock(PIN_LOCK* lock) {
  const INT32 owner = lock->owner_;
  lock->owner_ = 0;
  release(&lock->state_);
  return owner;
}

BOOL PIN_MutexInit(PIN_MUTEX* mutex) {
  mutex->state_ = 0;
  return TRUE;
}
VOID PIN_MutexFini(PIN_MUTEX*) {}
VOID PIN_MutexLock(PIN_MUTEX* mutex) {
  take(&mutex->state_);
}
BOOL PIN_MutexTryLock(PIN_MUTEX* mutex) {
  return __sync_bool_compare_and_swap(&mutex->state_, 0, 1);
}
VOID PIN_MutexUnlock(PIN_MUTEX* mutex) {
  release(&mutex->state_);
}

namespace {
// `changes_` counts releases, so that a waiter misses none.
template <class Try>
void wait_for(PIN_RWMUTEX* mutex, Try&& attempt) {
  while (true) {
    const UINT32 seen = __atomic_load_n(&mutex->changes_, __ATOMIC_ACQUIRE);
    if (attempt(mutex)) return;
    wait_while(&mutex->changes_, seen);
  }
}
}  // namespace

BOOL PIN_RWMutexInit(PIN_RWMUTEX* mutex) {
  mutex->state_ = 0;
  mutex->changes_ = 0;
  return TRUE;
}
VOID PIN_RWMutexFini(PIN_RWMUTEX*) {}
BOOL PIN_RWMutexTryReadLock(PIN_RWMUTEX* mutex) {
  INT32 readers = __atomic_load_n(&mutex->state_, __ATOMIC_ACQUIRE);
  while (readers >= 0) {
    if (__sync_bool_compare_and_swap(&mutex->state_, readers, readers + 1)) return TRUE;
    readers = __atomic_load_n(&mutex->state_, __ATOMIC_ACQUIRE);
  }
  return FALSE;
}
BOOL PIN_RWMutexTryWriteLock(PIN_RWMUTEX* mutex) {
  return __sync_bool_compare_and_swap(&mutex->state_, 0, -1);
}
VOID PIN_RWMutexReadLock(PIN_RWMUTEX* mutex) {
  wait_for(mutex, PIN_RWMutexTryReadLock);
}
VOID PIN_RWMutexWriteLock(PIN_RWMUTEX* mutex) {
  wait_for(mutex, PIN_RWMutexTryWriteLock);
}
VOID PIN_RWMutexUnlock(PIN_RWMUTEX* mutex) {
  if (__atomic_load_n(&mutex->state_, __ATOMIC_RELAXED) < 0) {
    __atomic_store_n(&mutex->state_, 0, __ATOMIC_RELEASE);
  } else {
    __atomic_sub_fetch(&mutex->state_, 1, __ATOMIC_RELEASE);
  }
  __atomic_add_fetch(&mutex->changes_, 1, __ATOMIC_RELEASE);
  wake(&mutex->changes_, 1 << 20);
}

BOOL PIN_SemaphoreInit(PIN_SEMAPHORE* semaphore) {
  semaphore->set_ = 0;
  return TRUE;
}
VOID PIN_SemaphoreFini(PIN_SEMAPHORE*) {}
VOID PIN_SemaphoreSet(PIN_SEMAPHORE* semaphore) {
  __atomic_store_n(&semaphore->set_, 1, __ATOMIC_RELEASE);
  wake(&semaphore->set_, 1 << 20);
}
VOID PIN_SemaphoreClear(PIN_SEMAPHORE* semaphore) {
  __atomic_store_n(&semaphore->set_, 0, __ATOMIC_RELEASE);
}
BOOL PIN_SemaphoreIsSet(PIN_SEMAPHORE* semaphore) {
  return __atomic_load_n(&semaphore->set_, __ATOMIC_ACQUIRE) != 0;
}
VOID PIN_SemaphoreWait(PIN_SEMAPHORE* semaphore) {
  while (!PIN_SemaphoreIsSet(semaphore)) wait_while(&semaphore->set_, 0);
}
BOOL PIN_SemaphoreTimedWait(PIN_SEMAPHORE* semaphore, UINT32 milliseconds) {
  if (!PIN_SemaphoreIsSet(semaphore)) {
    const timespec timeout = from_milliseconds(milliseconds);
    wait_while(&semaphore->set_, 0, &timeout);
  }
  return PIN_SemaphoreIsSet(semaphore);
}

VOID PIN_LockClient() {
  lock_client();
}
VOID PIN_UnlockClient() {
  unlock_client();
}

TLS_KEY PIN_CreateThreadDataKey(DESTRUCTFUN destructor) {
  for (unsigned i = 0; i < kMostKeys; ++i) {
    bool expected = false;
    if (!keys[i].used.compare_exchange_strong(expected, true)) continue;
    keys[i].destructor = destructor;
    return static_cast<TLS_KEY>(i);
  }
  return INVALID_TLS_KEY;
}
BOOL PIN_DeleteThreadDataKey(TLS_KEY key) {
  if (key < 0 || key >= static_cast<TLS_KEY>(kMostKeys)) return FALSE;
  return keys[key].used.exchange(false);
}
BOOL PIN_SetThreadData(TLS_KEY key, const VOID* data, THREADID thread) {
  uint64_t* slot = key_slot(key, thread);
  if (slot == nullptr) return FALSE;
  *slot = reinterpret_cast<uint64_t>(data);
  return TRUE;
}
VOID* PIN_GetThreadData(TLS_KEY key, THREADID thread) {
  const uint64_t* slot = key_slot(key, thread);
  return slot != nullptr ? reinterpret_cast<VOID*>(*slot) : nullptr;
}
BOOL PIN_SetThreadData(TLS_KEY key, const VOID* data) {
  return PIN_SetThreadData(key, data, PIN_ThreadId());
}
VOID* PIN_GetThreadData(TLS_KEY key) {
  return PIN_GetThreadData(key, PIN_ThreadId());
}

THREADID PIN_ThreadId() {
  const ThreadContext* context = this_thread();
  if (context != nullptr) return static_cast<THREADID>(context->thread_id);
  return own_internal != nullptr ? own_internal->number : INVALID_THREADID;
}
PIN_THREAD_UID PIN_ThreadUid() {
  const ThreadContext* context = this_thread();
  // The numbers of the tool's own threads are above those of the program's.
  if (context != nullptr) return context->unique_id | uint64_t{1} << 32;
  return own_internal != nullptr ? own_internal->number : INVALID_PIN_THREAD_UID;
}
OS_THREAD_ID PIN_GetTid() {
  return static_cast<OS_THREAD_ID>(raw_syscall(SYS_gettid));
}
// Of the program's threads the kernel does not tell who made them; of the first one, the parent process.
OS_THREAD_ID PIN_GetParentTid() {
  return PIN_GetTid() == static_cast<OS_THREAD_ID>(PIN_GetPid())
             ? static_cast<OS_THREAD_ID>(raw_syscall(SYS_getppid))
             : static_cast<OS_THREAD_ID>(PIN_GetPid());
}
INT PIN_GetPid() {
  return static_cast<INT>(raw_syscall(SYS_getpid));
}
BOOL PIN_IsApplicationThread() {
  return this_thread() != nullptr;
}
VOID PIN_Sleep(UINT32 milliseconds) {
  // What is left of it, where a signal of the program came in between.
  timespec time = from_milliseconds(milliseconds);
  const auto where = reinterpret_cast<uint64_t>(&time);
  while (raw_syscall(SYS_nanosleep, where, where) == -EINTR) {
  }
}
VOID PIN_Yield() {
  raw_syscall(SYS_sched_yield);
}

THREADID PIN_SpawnInternalThread(ROOT_THREAD_FUNC function, VOID* argument, size_t stack_size,
                                 PIN_THREAD_UID* uid) {
  isotach::dbi::make_counters_whole();  // it may look at them at any time
  for (unsigned i = 0; i < kMostInternal; ++i) {
    InternalThread& one = internal_threads[i];
    bool expected = false;
    if (!one.used.compare_exchange_strong(expected, true)) continue;
    one.number = kFirstInternal + i;
    one.done = 0;
    one.function = function;
    one.argument = argument;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (stack_size > 65536) pthread_attr_setstacksize(&attributes, stack_size);
    pthread_t thread;
    const int error = pthread_create(&thread, &attributes, run_internal, &one);  // runtime/thread_calls.cc
    pthread_attr_destroy(&attributes);
    if (error != 0) {
      one.used = false;
      return INVALID_THREADID;
    }
    if (uid != nullptr) *uid = one.number;
    return one.number;
  }
  return INVALID_THREADID;
}

BOOL PIN_WaitForThreadTermination(const PIN_THREAD_UID& uid, UINT32 milliseconds, INT32* exit_code) {
  if (uid < kFirstInternal || uid >= kFirstInternal + kMostInternal) return FALSE;
  InternalThread& one = internal_threads[uid - kFirstInternal];
  auto* word = reinterpret_cast<volatile uint32_t*>(&one.done);
  const timespec timeout = from_milliseconds(milliseconds);
  while (one.done == 0) {
    wait_while(word, 0, milliseconds == PIN_INFINITE_TIMEOUT ? nullptr : &timeout);
    if (milliseconds != PIN_INFINITE_TIMEOUT) break;
  }
  if (one.done == 0) return FALSE;
  if (exit_code != nullptr) *exit_code = one.exit_code;
  return TRUE;
}

VOID PIN_ExitThread(INT32 exit_code) {
  InternalThread* self = own_internal;
  if (self == nullptr) {
    std::fprintf(stderr, "isotach pin: PIN_ExitThread is for threads of PIN_SpawnInternalThread only\n");
    end_process(kToolFailed);
  }
  destroy(self->keys);
  self->exit_code = exit_code;
  self->done = 1;
  wake(reinterpret_cast<volatile uint32_t*>(&self->done), 1 << 20);
  pthread_exit(nullptr);
}

}  // namespace LEVEL_BASE
