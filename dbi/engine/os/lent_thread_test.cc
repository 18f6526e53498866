#include "engine/os/lent_thread.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "engine/os/own_memory.h"

namespace isotach::dbi {
namespace {

// A thread as a program makes it by clone(2), that knows no C library.
struct Borrower {
  LentThread* lent = nullptr;
  void (*work)(Borrower&) = nullptr;
  uint32_t alive = 1;  // cleared and woken by the kernel when the thread is gone
  uint32_t number = 0;
  int result = 0;
  void* stack = nullptr;
};

constexpr size_t kBorrowerStack = 64 << 10;

int run_borrower(void* argument) {
  auto& self = *static_cast<Borrower*>(argument);
  _writefsbase_u64(self.lent->fs_base);
  enter_lent_thread(self.lent, static_cast<uint32_t>(syscall(SYS_gettid)));
  // From its own stack to the lent one, and back for the end of this test's clone(2) wrapper.
  asm volatile(
      "mov %%rsp, %%rbx\n\t"
      "mov %[top], %%rsp\n\t"
      "call *%[work]\n\t"
      "mov %%rbx, %%rsp"
      :
      : [top] "r"(self.lent->stack_top), [work] "r"(self.work), "D"(&self)
      : "rbx", "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
  clean_lent_thread(self.lent);
  const uint64_t all = ~0ull;
  syscall(SYS_rt_sigprocmask, 0, &all, nullptr, sizeof all);
  asm volatile(
      "movl $0, (%[in_use])\n\t"  // from here on the stack is another's
      "syscall"
      :
      : [in_use] "r"(&self.lent->in_use), "a"(SYS_exit), "D"(0)
      : "rcx", "r11", "memory");
  __builtin_unreachable();
}

void start(Borrower& borrower) {
  borrower.lent = lend_thread();
  ASSERT_NE(borrower.lent, nullptr);
  borrower.stack =
      ::mmap(nullptr, kBorrowerStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const int flags =
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
  ASSERT_GT(clone(run_borrower, static_cast<char*>(borrower.stack) + kBorrowerStack, flags, &borrower,
                  nullptr, nullptr, &borrower.alive),
            0);
}

void finish(Borrower& borrower) {
  auto& alive = reinterpret_cast<std::atomic<uint32_t>&>(borrower.alive);
  while (alive.load()) syscall(SYS_futex, &borrower.alive, 0 /* FUTEX_WAIT */, 1, nullptr, nullptr, 0);
  ::munmap(borrower.stack, kBorrowerStack);
}

std::mutex mutex;
std::recursive_mutex recursive_mutex;
int64_t total = 0, recursive_total = 0;
bool inside = false;

void use_everything(Borrower& self) {
  int good = 0;
  for (int i = 0; i < 20; i++) {
    std::map<int, std::string> texts;
    for (int k = 0; k < 20; k++) texts[k] = std::string(40, 'x') + std::to_string(k * i);
    try {
      if (i % 5 == 0) throw std::runtime_error("thrown");
      good++;
    } catch (const std::exception&) {
      good++;
    }
    errno = static_cast<int>(self.number) + i;
    {
      const std::lock_guard<std::mutex> lock(mutex);
      total += static_cast<int64_t>(texts.size());
    }
    {
      // Two threads with one kernel id would both be inside.
      const std::lock_guard<std::recursive_mutex> lock(recursive_mutex);
      const std::lock_guard<std::recursive_mutex> again(recursive_mutex);
      if (inside) good = -1000000;
      inside = true;
      recursive_total++;
      if (i % 7 == 0) sched_yield();
      inside = false;
    }
    std::ostringstream stream;
    stream << i * 0.5 << ' ' << self.number;
    if (stream.str().empty()) good = -1000000;
    if (errno != static_cast<int>(self.number) + i) good = -1000000;
  }
  self.result = good;
}

TEST(LentThread, ThousandsOfThreadsUseTheLibraryOnAFewControlBlocks) {
  constexpr unsigned kThreads = 8, kRounds = 250;
  total = recursive_total = 0;
  for (unsigned round = 0; round < kRounds; round++) {
    Borrower borrowers[kThreads];
    for (unsigned i = 0; i < kThreads; i++) {
      borrowers[i].work = use_everything;
      borrowers[i].number = round * kThreads + i;
      start(borrowers[i]);
    }
    for (Borrower& borrower : borrowers) {
      finish(borrower);
      ASSERT_EQ(borrower.result, 20);
    }
  }
  EXPECT_EQ(total, int64_t{kThreads} * kRounds * 400);
  EXPECT_EQ(recursive_total, int64_t{kThreads} * kRounds * 20);
  EXPECT_LE(count_lent_threads().all, kThreads);
  EXPECT_EQ(count_lent_threads().free, count_lent_threads().all);
}

TEST(LentThread, TwoHundredAtOnce) {
  constexpr unsigned kThreads = 200;
  std::vector<Borrower> borrowers(kThreads);
  static std::atomic<unsigned> arrived;
  arrived = 0;
  for (Borrower& borrower : borrowers) {
    borrower.work = [](Borrower& self) {
      arrived++;
      while (arrived.load() < kThreads) sched_yield();  // all of them live at once
      use_everything(self);
    };
    start(borrower);
  }
  for (Borrower& borrower : borrowers) {
    finish(borrower);
    EXPECT_EQ(borrower.result, 20);
  }
  EXPECT_EQ(count_lent_threads().free, count_lent_threads().all);
  EXPECT_GE(count_lent_threads().all, kThreads);
}

TEST(LentThread, ItsStackIsOurs) {
  LentThread* thread = lend_thread();
  ASSERT_NE(thread, nullptr);
  EXPECT_EQ(thread->stack_top % 16, 0U);
  EXPECT_GT(thread->stack_top - thread->stack_low, 900U << 10);
  EXPECT_TRUE(is_own_memory(thread->stack_low));
  EXPECT_TRUE(is_own_memory(thread->fs_base));
  give_back_thread(thread);
}

TEST(LentThread, VariablesOfAToolBeginAnewAndAreDestroyed) {
  void* tool = dlopen(LENT_TOOL, RTLD_NOW);
  ASSERT_NE(tool, nullptr) << dlerror();
  static bool (*begin)() = nullptr;
  begin = reinterpret_cast<bool (*)()>(dlsym(tool, "lent_tool_begin"));
  const auto destroyed = reinterpret_cast<int (*)()>(dlsym(tool, "lent_tool_destroyed"));
  for (int i = 0; i < 100; i++) {
    Borrower borrower;
    borrower.work = [](Borrower& self) { self.result = begin(); };
    start(borrower);
    finish(borrower);
    ASSERT_EQ(borrower.result, 1) << "thread " << i;
    ASSERT_EQ(destroyed(), i + 1);
  }
  // A thread that the tool makes by itself ends as it always does.
  std::thread own([] { begin(); });
  own.join();
  EXPECT_EQ(destroyed(), 101);
}

TEST(LentThread, LeavesNoThreadBehind) {
  prepare_lent_threads(4);
  unsigned threads = 0;
  FILE* status = fopen("/proc/self/status", "re");
  ASSERT_NE(status, nullptr);
  char line[256];
  while (fgets(line, sizeof line, status))
    if (sscanf(line, "Threads: %u", &threads) == 1) break;
  fclose(status);
  EXPECT_EQ(threads, 1U);
}

}  // namespace
}  // namespace isotach::dbi
