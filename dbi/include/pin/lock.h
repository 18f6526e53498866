// Locks between a tool's threads and the program's, threads' own data, threads of a tool.
#pragma once

#include "pin/base.h"

namespace LEVEL_BASE {

// A lock that knows its owner. It may be taken in analysis routines; not twice by one thread.
struct PIN_LOCK {
  volatile UINT32 state_;
  INT32 owner_;
};
ISOTACH_API VOID PIN_InitLock(PIN_LOCK* lock);
ISOTACH_API VOID PIN_GetLock(PIN_LOCK* lock, INT32 owner);  // `owner`: anything but 0, usually thread + 1
ISOTACH_API INT32 PIN_ReleaseLock(PIN_LOCK* lock);
inline VOID InitLock(PIN_LOCK* lock) {
  PIN_InitLock(lock);
}
inline VOID GetLock(PIN_LOCK* lock, INT32 owner) {
  PIN_GetLock(lock, owner);
}
inline INT32 ReleaseLock(PIN_LOCK* lock) {
  return PIN_ReleaseLock(lock);
}

struct PIN_MUTEX {
  volatile UINT32 state_;
};
ISOTACH_API BOOL PIN_MutexInit(PIN_MUTEX* mutex);
ISOTACH_API VOID PIN_MutexFini(PIN_MUTEX* mutex);
ISOTACH_API VOID PIN_MutexLock(PIN_MUTEX* mutex);
ISOTACH_API BOOL PIN_MutexTryLock(PIN_MUTEX* mutex);
ISOTACH_API VOID PIN_MutexUnlock(PIN_MUTEX* mutex);

struct PIN_RWMUTEX {
  volatile INT32 state_;  // readers, or -1: a writer
  volatile UINT32 changes_;
};
ISOTACH_API BOOL PIN_RWMutexInit(PIN_RWMUTEX* mutex);
ISOTACH_API VOID PIN_RWMutexFini(PIN_RWMUTEX* mutex);
ISOTACH_API VOID PIN_RWMutexReadLock(PIN_RWMUTEX* mutex);
ISOTACH_API VOID PIN_RWMutexWriteLock(PIN_RWMUTEX* mutex);
ISOTACH_API BOOL PIN_RWMutexTryReadLock(PIN_RWMUTEX* mutex);
ISOTACH_API BOOL PIN_RWMutexTryWriteLock(PIN_RWMUTEX* mutex);
ISOTACH_API VOID PIN_RWMutexUnlock(PIN_RWMUTEX* mutex);

// Set or clear; threads wait until it is set.
struct PIN_SEMAPHORE {
  volatile UINT32 set_;
};
ISOTACH_API BOOL PIN_SemaphoreInit(PIN_SEMAPHORE* semaphore);
ISOTACH_API VOID PIN_SemaphoreFini(PIN_SEMAPHORE* semaphore);
ISOTACH_API VOID PIN_SemaphoreSet(PIN_SEMAPHORE* semaphore);
ISOTACH_API VOID PIN_SemaphoreClear(PIN_SEMAPHORE* semaphore);
ISOTACH_API BOOL PIN_SemaphoreIsSet(PIN_SEMAPHORE* semaphore);
ISOTACH_API VOID PIN_SemaphoreWait(PIN_SEMAPHORE* semaphore);
ISOTACH_API BOOL PIN_SemaphoreTimedWait(PIN_SEMAPHORE* semaphore, UINT32 milliseconds);

// The lock under which instrumentation callbacks run. Callbacks hold it; analysis routines take it around
// calls of the IMG_, RTN_, SEC_ and SYM_ functions.
ISOTACH_API VOID PIN_LockClient();
ISOTACH_API VOID PIN_UnlockClient();
inline VOID GetVmLock() {
  PIN_LockClient();
}
inline VOID ReleaseVmLock() {
  PIN_UnlockClient();
}

// Data of each thread, at most 128 keys at a time. The destructor runs when the thread ends.
typedef VOID (*DESTRUCTFUN)(VOID*);
ISOTACH_API TLS_KEY PIN_CreateThreadDataKey(DESTRUCTFUN destructor);
ISOTACH_API BOOL PIN_DeleteThreadDataKey(TLS_KEY key);
ISOTACH_API BOOL PIN_SetThreadData(TLS_KEY key, const VOID* data, THREADID thread);
ISOTACH_API BOOL PIN_SetThreadData(TLS_KEY key, const VOID* data);
ISOTACH_API VOID* PIN_GetThreadData(TLS_KEY key, THREADID thread);
ISOTACH_API VOID* PIN_GetThreadData(TLS_KEY key);

// The calling thread; INVALID_THREADID in a thread that neither the program nor PIN_SpawnInternalThread made.
ISOTACH_API THREADID PIN_ThreadId();
ISOTACH_API PIN_THREAD_UID PIN_ThreadUid();
ISOTACH_API OS_THREAD_ID PIN_GetTid();
ISOTACH_API OS_THREAD_ID PIN_GetParentTid();
ISOTACH_API INT PIN_GetPid();
inline INT OS_GetPid() {
  return PIN_GetPid();
}
inline INT OS_GetTid() {
  return static_cast<INT>(PIN_GetTid());
}
ISOTACH_API BOOL PIN_IsApplicationThread();
ISOTACH_API VOID PIN_Sleep(UINT32 milliseconds);
ISOTACH_API VOID PIN_Yield();

// Threads of the tool's own, which the program does not see.
typedef VOID (*ROOT_THREAD_FUNC)(VOID* argument);
static const size_t DEFAULT_THREAD_STACK_SIZE = 0;
static const UINT32 PIN_INFINITE_TIMEOUT = static_cast<UINT32>(-1);
ISOTACH_API THREADID PIN_SpawnInternalThread(ROOT_THREAD_FUNC function, VOID* argument, size_t stack_size,
                                             PIN_THREAD_UID* uid);
ISOTACH_API BOOL PIN_WaitForThreadTermination(const PIN_THREAD_UID& uid, UINT32 milliseconds,
                                              INT32* exit_code);
[[noreturn]] ISOTACH_API VOID PIN_ExitThread(INT32 exit_code);
ISOTACH_API BOOL PIN_IsProcessExiting();

}  // namespace LEVEL_BASE
