// Programs that bench/engine.py runs under engines, for what no program of the system shows alone.
//
//   engine_workloads calls N      virtual calls and recursion
//   engine_workloads threads N    four threads that count and share a lock
//   engine_workloads signals N    N raised signals, N/8 faults that are jumped out of, a timer at 1 kHz
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace {

struct Shape {
  virtual ~Shape() = default;
  virtual unsigned long area(unsigned long x) const = 0;
};
template <unsigned long N>
struct Box : Shape {
  unsigned long area(unsigned long x) const override { return x * N + (x >> 3); }
};

__attribute__((noinline)) unsigned long fibonacci(unsigned long n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

unsigned long run_calls(unsigned long count) {
  std::vector<std::unique_ptr<Shape>> shapes;
  shapes.push_back(std::make_unique<Box<3>>());
  shapes.push_back(std::make_unique<Box<5>>());
  shapes.push_back(std::make_unique<Box<7>>());
  shapes.push_back(std::make_unique<Box<9>>());
  unsigned long sum = 1;
  for (unsigned long i = 0; i < count; ++i) sum = shapes[(sum >> 5) & 3]->area(sum ^ i);
  return sum + fibonacci(27);
}

unsigned long run_threads(unsigned long count) {
  std::mutex mutex;
  std::atomic<unsigned long> shared = 0;
  unsigned long guarded = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      unsigned long x = static_cast<unsigned long>(t);
      for (unsigned long i = 0; i < count; ++i) {
        x = x * 6364136223846793005ul + 1442695040888963407ul;
        if ((x >> 60) == 0) shared += x & 3;
        if ((x >> 54) == 0) {
          std::lock_guard lock(mutex);
          ++guarded;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return shared + guarded;
}

volatile unsigned long handled;
int* volatile nowhere = nullptr;
sigjmp_buf back;

unsigned long run_signals(unsigned long count) {
  signal(SIGUSR1, [](int) { handled = handled + 1; });
  signal(SIGALRM, [](int) {});
  signal(SIGSEGV, [](int) { siglongjmp(back, 1); });
  itimerval timer{{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &timer, nullptr);
  for (unsigned long i = 0; i < count; ++i) raise(SIGUSR1);
  for (volatile unsigned long i = 0; i < count / 8;) {
    i = i + 1;
    if (sigsetjmp(back, 1) == 0) *nowhere = 1;
  }
  return handled;
}

}  // namespace

int main(int count, char** words) {
  const unsigned long rounds = count > 2 ? strtoul(words[2], nullptr, 0) : 1000000;
  const char* name = count > 1 ? words[1] : "";
  unsigned long result = 0;
  if (strcmp(name, "calls") == 0) {
    result = run_calls(rounds);
  } else if (strcmp(name, "threads") == 0) {
    result = run_threads(rounds);
  } else if (strcmp(name, "signals") == 0) {
    result = run_signals(rounds);
  } else {
    return 2;
  }
  printf("%lu\n", result);
  return 0;
}
