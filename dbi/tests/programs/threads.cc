// Threads: many, short-lived, cancelled, made by hand; locks, robust mutexes, barriers, and thread storage.
#include <errno.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "case.h"
#include "signal_tools.h"

namespace {

using Word = uint64_t;

Word work(Word seed, int rounds) {
  for (int i = 0; i < rounds; ++i) seed = seed * 6364136223846793005ull + 1442695040888963407ull;
  return seed;
}

CASE(two_hundred_at_once) {
  static std::atomic<int> inside;
  static std::atomic<bool> leave;
  inside = 0;
  leave = false;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 128 * 1024);
  pthread_t threads[200];
  for (long i = 0; i < 200; ++i) {
    EXPECT_EQ(pthread_create(
                  &threads[i], &attributes,
                  [](void* argument) -> void* {
                    ++inside;
                    while (!leave) sched_yield();
                    return reinterpret_cast<void*>(work(reinterpret_cast<Word>(argument), 100));
                  },
                  reinterpret_cast<void*>(i)),
              0);
  }
  while (inside < 200) sched_yield();
  leave = true;
  for (long i = 0; i < 200; ++i) {
    void* result = nullptr;
    pthread_join(threads[i], &result);
    EXPECT_EQ(reinterpret_cast<Word>(result), work(static_cast<Word>(i), 100));
  }
}

CASE(exit_storm) {
  // Threads that end as fast as they begin, joined and detached.
  static std::atomic<int> ended;
  ended = 0;
  for (int i = 0; i < 500; ++i) {
    pthread_t thread;
    int error;
    while ((error = pthread_create(
                &thread, nullptr,
                [](void*) -> void* {
                  ++ended;
                  return nullptr;
                },
                nullptr)) == EAGAIN)
      sched_yield();
    EXPECT_EQ(error, 0);
    if (i % 2 != 0) {
      pthread_join(thread, nullptr);
    } else {
      pthread_detach(thread);
    }
  }
  while (ended < 500) sched_yield();
  EXPECT_EQ(ended.load(), 500);
}

CASE(threads_that_make_threads) {
  static std::atomic<int> made;
  made = 0;
  static void* (*spawn)(void*) = [](void* argument) -> void* {
    ++made;
    const long depth = reinterpret_cast<long>(argument);
    if (depth == 0) return nullptr;
    pthread_t two[2];
    for (pthread_t& one : two) pthread_create(&one, nullptr, spawn, reinterpret_cast<void*>(depth - 1));
    for (pthread_t& one : two) pthread_join(one, nullptr);
    return nullptr;
  };
  spawn(reinterpret_cast<void*>(6l));
  EXPECT_EQ(made.load(), 127);
}

CASE(mutexes_and_atomics) {
  static std::mutex mutex;
  static long guarded;
  static std::atomic<long> counted;
  static long by_lock_prefix;
  guarded = by_lock_prefix = 0;
  counted = 0;
  std::thread threads[8];
  for (std::thread& thread : threads) {
    thread = std::thread([] {
      for (int i = 0; i < 5000; ++i) {
        {
          std::lock_guard lock(mutex);
          ++guarded;
        }
        ++counted;
        asm volatile("lock incq %0" : "+m"(by_lock_prefix)::"cc");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(guarded, 40000);
  EXPECT_EQ(counted.load(), 40000);
  EXPECT_EQ(by_lock_prefix, 40000);
}

CASE(condition_variables) {
  std::mutex mutex;
  std::condition_variable changed;
  int turn = 0, rounds = 0;
  auto player = [&](int me) {
    for (int i = 0; i < 500; ++i) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return turn == me; });
      turn = (me + 1) % 3;
      ++rounds;
      changed.notify_all();
    }
  };
  std::thread a(player, 0), b(player, 1), c(player, 2);
  a.join();
  b.join();
  c.join();
  EXPECT_EQ(rounds, 1500);
}

CASE(barriers_and_read_locks) {
  static pthread_barrier_t barrier;
  static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
  static long value;
  value = 0;
  pthread_barrier_init(&barrier, nullptr, 4);
  std::thread threads[4];
  for (int t = 0; t < 4; ++t) {
    threads[t] = std::thread([t] {
      for (int i = 0; i < 100; ++i) {
        pthread_barrier_wait(&barrier);
        if (t == i % 4) {
          pthread_rwlock_wrlock(&lock);
          ++value;
        } else {
          pthread_rwlock_rdlock(&lock);
        }
        pthread_rwlock_unlock(&lock);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(value, 100);
}

CASE(robust_mutex) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  static pthread_mutex_t mutex;
  for (int i = 0; i < 20; ++i) {
    pthread_mutex_init(&mutex, &attributes);
    pthread_t thread;
    pthread_create(
        &thread, nullptr,
        [](void*) -> void* {
          pthread_mutex_lock(&mutex);
          return nullptr;  // ends with the lock held
        },
        nullptr);
    pthread_join(thread, nullptr);
    EXPECT_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
    EXPECT_EQ(pthread_mutex_consistent(&mutex), 0);
    pthread_mutex_unlock(&mutex);
    pthread_mutex_destroy(&mutex);
  }
  // Across processes, the owner killed.
  auto* shared = static_cast<pthread_mutex_t*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(shared, &attributes);
  pid_t child = fork();
  if (child == 0) {
    pthread_mutex_lock(shared);
    raise(SIGKILL);
  }
  waitpid(child, nullptr, 0);
  EXPECT_EQ(pthread_mutex_lock(shared), EOWNERDEAD);
  void* head = nullptr;
  size_t size = 0;
  EXPECT_EQ(syscall(SYS_get_robust_list, 0, &head, &size), 0);
  EXPECT_EQ(size, 24u);
  EXPECT(head != nullptr);
  munmap(shared, 4096);
}

CASE(cancellation) {
  static std::atomic<int> cleaned;
  cleaned = 0;
  for (int i = 0; i < 60; ++i) {
    static std::atomic<bool> ready;
    ready = false;
    pthread_t thread;
    const long kind = i % 3;
    pthread_create(
        &thread, nullptr,
        [](void* argument) -> void* {
          pthread_cleanup_push([](void*) { ++cleaned; }, nullptr);
          const long how = reinterpret_cast<long>(argument);
          if (how == 1) pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr);
          ready = true;
          if (how == 0) {
            for (;;) pause();
          } else if (how == 1) {
            for (volatile Word x = 1;;) x = x * 3;
          } else {
            for (;;) {
              work(1, 1000);
              pthread_testcancel();
            }
          }
          pthread_cleanup_pop(0);
          return nullptr;
        },
        reinterpret_cast<void*>(kind));
    while (!ready) sched_yield();
    EXPECT_EQ(pthread_cancel(thread), 0);
    void* result = nullptr;
    pthread_join(thread, &result);
    EXPECT(result == PTHREAD_CANCELED);
  }
  EXPECT_EQ(cleaned.load(), 60);
}

CASE(internal_signal_stays_blocked) {
  // A C library uses signal 32 for itself, blocked where it waits for it; made threads do not let it in.
  constexpr int kInternal = 32;
  std::thread([] {}).join();  // with the first one it unblocks the signal itself
  const uint64_t mask = uint64_t{1} << (kInternal - 1);
  EXPECT_EQ(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, nullptr, sizeof mask), 0);
  EXPECT_EQ(syscall(SYS_tgkill, getpid(), gettid(), kInternal), 0);
  static std::atomic<bool> go;
  go = false;
  std::vector<std::thread> all;
  for (int i = 0; i < 40; ++i) all.emplace_back([] { go.wait(false); });
  go = true;
  go.notify_all();
  for (std::thread& one : all) one.join();
  uint64_t pending = 0;
  EXPECT_EQ(syscall(SYS_rt_sigpending, &pending, sizeof pending), 0);
  EXPECT_EQ(pending, mask);
  const timespec no_time{};
  EXPECT_EQ(syscall(SYS_rt_sigtimedwait, &mask, nullptr, &no_time, sizeof mask), kInternal);
  EXPECT_EQ(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &mask, nullptr, sizeof mask), 0);
}

CASE(thread_storage_destructors) {
  static std::atomic<int> destroyed;
  destroyed = 0;
  struct Local {
    int value = 3;
    ~Local() { ++destroyed; }
  };
  static pthread_key_t key;
  pthread_key_create(&key, [](void* value) { destroyed += static_cast<int>(reinterpret_cast<long>(value)); });
  for (int i = 0; i < 20; ++i) {
    std::thread([] {
      thread_local Local local;
      EXPECT_EQ(local.value, 3);
      pthread_setspecific(key, reinterpret_cast<void*>(1l));
    }).join();
  }
  EXPECT_EQ(destroyed.load(), 40);
  pthread_key_delete(key);
}

CASE(names_and_identities) {
  char name[20] = {};
  EXPECT_EQ(pthread_setname_np(pthread_self(), "renamed"), 0);
  EXPECT_EQ(prctl(PR_GET_NAME, name), 0);
  EXPECT_EQ(strcmp(name, "renamed"), 0);
  EXPECT_EQ(gettid(), getpid());
  std::thread([] {
    EXPECT(gettid() != getpid());
    EXPECT_EQ(syscall(SYS_getpid), getpid());
  }).join();
  // No thread but the program's own is to be seen.
  FILE* status = fopen("/proc/self/status", "r");
  char line[256];
  int threads = 0;
  while (status != nullptr && fgets(line, sizeof line, status) != nullptr)
    sscanf(line, "Threads: %d", &threads);
  if (status != nullptr) fclose(status);
  EXPECT_EQ(threads, 1);
}

// clone(2) by hand: a thread without any thread library.
alignas(16) uint8_t raw_stack[65536];
std::atomic<int> raw_ran;
int raw_tid;

CASE(raw_clone_thread) {
  raw_ran = 0;
  for (int i = 0; i < 50; ++i) {
    raw_tid = 1;
    long result = 0;
    const long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                       CLONE_CHILD_CLEARTID;
    register int* tid asm("r10") = &raw_tid;
    register std::atomic<int>* ran asm("r12") = &raw_ran;
    asm volatile(R"(
      xor %%r8d, %%r8d
      mov $56, %%eax
      syscall
      test %%eax, %%eax
      jnz 1f
      lock incl (%%r12)
      xor %%edi, %%edi
      mov $60, %%eax
      syscall
      ud2
    1:)"
                 : "=&a"(result), "+r"(tid)
                 : "D"(flags), "S"(raw_stack + sizeof raw_stack), "d"(0l), "r"(ran)
                 : "rcx", "r8", "r11", "memory", "cc");
    EXPECT(result > 0);
    int now;
    while ((now = __atomic_load_n(&raw_tid, __ATOMIC_SEQ_CST)) != 0)
      syscall(SYS_futex, &raw_tid, FUTEX_WAIT, now, nullptr, nullptr, 0);
    EXPECT_EQ(raw_ran.load(), i + 1);
  }
}

int clone_function(void* argument) {
  ++*static_cast<std::atomic<int>*>(argument);
  return 7;
}

CASE(clone_variants) {
  // As processes: with and without shared memory, vfork-like, with another signal at the end.
  raw_ran = 0;
  int status = 0;
  pid_t child = clone(clone_function, raw_stack + sizeof raw_stack, SIGCHLD, &raw_ran);
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(raw_ran.load(), 0);
  child = clone(clone_function, raw_stack + sizeof raw_stack, CLONE_VM | SIGCHLD, &raw_ran);
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(raw_ran.load(), 1);
  child = clone(clone_function, raw_stack + sizeof raw_stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &raw_ran);
  EXPECT_EQ(raw_ran.load(), 2);
  EXPECT_EQ(waitpid(child, &status, 0), child);
  child = clone(clone_function, raw_stack + sizeof raw_stack, CLONE_VM | CLONE_VFORK, &raw_ran);
  EXPECT_EQ(waitpid(child, &status, __WCLONE), child);
  EXPECT_EQ(raw_ran.load(), 3);
  int parent_tid = 0, handle = -1;
  child = clone(clone_function, raw_stack + sizeof raw_stack, CLONE_PARENT_SETTID | SIGCHLD, &raw_ran,
                &parent_tid);
  EXPECT_EQ(parent_tid, child);
  waitpid(child, &status, 0);
  child = clone(clone_function, raw_stack + sizeof raw_stack, CLONE_PIDFD | SIGCHLD, &raw_ran, &handle);
  EXPECT(handle >= 0);
  siginfo_t information{};
  EXPECT_EQ(waitid(P_PIDFD, static_cast<id_t>(handle), &information, WEXITED), 0);
  EXPECT_EQ(information.si_status, 7);
  close(handle);
}

CASE(clone3_process) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  for (int i = 0; i < 20; ++i) {
    const long child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) syscall(SYS_exit_group, 30 + i);
    if (child < 0 && errno == ENOSYS) SKIP("no clone3");
    int status = 0;
    EXPECT_EQ(waitpid(static_cast<pid_t>(child), &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 30 + i);
  }
}

CASE(clone_thread_with_library_call) {
  raw_ran = 0;
  for (int i = 0; i < 50; ++i) {
    raw_tid = 1;
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                      CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_PARENT_SETTID;
    int parent_tid = 0;
    const pid_t tid =
        clone(clone_function, raw_stack + sizeof raw_stack, flags, &raw_ran, &parent_tid, nullptr, &raw_tid);
    EXPECT(tid > 0);
    EXPECT_EQ(parent_tid, tid);
    int now;
    while ((now = __atomic_load_n(&raw_tid, __ATOMIC_SEQ_CST)) != 0)
      syscall(SYS_futex, &raw_tid, FUTEX_WAIT, now, nullptr, nullptr, 0);
    EXPECT_EQ(raw_ran.load(), i + 1);
  }
}

CASE(other_threads_end_with_the_process) {
  for (int how = 0; how < 3; ++how) {
    pid_t child = fork();
    if (child == 0) {
      std::thread busy([] {
        for (volatile Word x = 1;;) x = x * 3;
      });
      std::thread waiting([] {
        for (;;) pause();
      });
      busy.detach();
      waiting.detach();
      if (how == 0) syscall(SYS_exit_group, 5);
      if (how == 1) std::thread([] { syscall(SYS_exit_group, 5); }).join();
      if (how == 2) {
        // The first thread leaves alone; the process lives on until another ends it.
        std::thread([] {
          for (int i = 0; i < 100; ++i) sched_yield();
          syscall(SYS_exit_group, 5);
        }).detach();
        pthread_exit(nullptr);
      }
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 5);
  }
}

CASE(affinity_and_yield) {
  cpu_set_t set;
  EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  EXPECT_EQ(sched_setaffinity(0, sizeof set, &set), 0);
  EXPECT(sched_getcpu() >= 0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(sched_yield(), 0);
}

}  // namespace

TEST_MAIN()
