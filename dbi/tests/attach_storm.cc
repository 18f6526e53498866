// What attach_storm_test.py attaches to and lets go of: eight threads that work and check their work all the
// time.
//
//   attach_storm FILE
//
// FILE is mapped; its words hold the rounds of each thread, so that others see whether they go on. Ends on
// SIGTERM: prints "errors N signals SENT HANDLED" and ends with 0 when nothing was wrong. Each thread checks
// what it gets back: a system call that fails or returns EINTR (none of these threads takes a signal), a
// wrong number, a lost wake-up, a register that changed, a signal that was not handled exactly once.
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <thread>

namespace {

std::atomic<bool> stop{false};
std::atomic<uint64_t> errors{0}, handled{0}, sent{0};
std::atomic<uint64_t>* rounds;  // of each thread, in the file
int ping[2], pong[2];
std::mutex mutex;
std::condition_variable changed;
uint64_t turn = 0;

void wrong(const char* what) {
  if (errors.fetch_add(1) < 20) {
    char text[128];
    const int size = snprintf(text, sizeof text, "wrong: %s (errno %d)\n", what, errno);
    (void)!write(2, text, static_cast<size_t>(size));
  }
}

// A chain computed twice, in general registers and vectors, with values that live in all callee-saved
// registers.
void compute(int number) {
  uint64_t x = 1, y = 1;
  while (!stop) {
    double angle = 0.1;
    for (int i = 0; i < 2000; ++i) {
      x = x * 6364136223846793005u + 1442695040888963407u;
      asm volatile("" : "+r"(x));
      y = y * 6364136223846793005u + 1442695040888963407u;
      angle = angle + 0.001;
    }
    if (x != y) wrong("arithmetic");
    if (std::fabs(angle - 2.1) > 1e-9) wrong("floating point");
    ++rounds[number];
  }
}

// Sequence numbers through two pipes: none lost, none twice.
void send(int number) {
  for (uint64_t i = 0; !stop; ++i) {
    uint64_t back = 0;
    if (write(ping[1], &i, 8) != 8) wrong("write");
    if (read(pong[0], &back, 8) != 8) wrong("read");
    if (back != i + 1) wrong("a message of the pipe");
    ++rounds[number];
  }
  close(ping[1]);
}

void answer(int number) {
  uint64_t value = 0;
  ssize_t got;
  while ((got = read(ping[0], &value, 8)) == 8) {
    ++value;
    if (write(pong[1], &value, 8) != 8) wrong("write of the answer");
    ++rounds[number];
  }
  if (got != 0) wrong("the end of the pipe");
}

// Two threads that pass a turn.
void take_turns(int number, uint64_t mine) {
  while (!stop) {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, std::chrono::seconds(20), [&] { return stop || turn % 2 == mine; }))
      wrong("a lost wake-up");
    ++turn;
    changed.notify_all();
    ++rounds[number];
  }
}

// Calls that wait for a time.
void wait_often(int number) {
  const int event = eventfd(0, EFD_NONBLOCK);
  while (!stop) {
    const timespec little{0, 2000000};
    timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    if (nanosleep(&little, nullptr) != 0) wrong("nanosleep");
    clock_gettime(CLOCK_MONOTONIC, &after);
    if ((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec < 2000000)
      wrong("a short sleep");
    pollfd one{event, POLLIN, 0};
    if (poll(&one, 1, 1) != 0) wrong("poll");
    uint32_t word = 7;
    errno = 0;
    if (syscall(SYS_futex, &word, FUTEX_WAIT, 7, &little, nullptr, 0) != -1 || errno != ETIMEDOUT)
      wrong("futex");
    void* memory = mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || munmap(memory, 65536) != 0) wrong("mmap");
    ++rounds[number];
  }
  close(event);
}

// Queued signals to itself, each handled once, in order.
std::atomic<int> last_value{-1};
void signal_itself(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  for (int i = 0; !stop; ++i) {
    sigval value{};
    value.sival_int = i;
    ++sent;
    if (pthread_sigqueue(pthread_self(), SIGRTMIN, value) != 0) wrong("pthread_sigqueue");
    if (last_value != i) wrong("a signal to itself");
    ++rounds[number];
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) return 2;
  const int file = open(words[1], O_RDWR | O_CREAT, 0600);
  if (file < 0 || ftruncate(file, 4096) != 0) return 3;
  rounds =
      static_cast<std::atomic<uint64_t>*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  sigset_t blocked;
  sigemptyset(&blocked);
  for (int signal : {SIGTERM, SIGRTMIN}) sigaddset(&blocked, signal);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = [](int, siginfo_t* information, void*) {
    last_value = information->si_value.sival_int;
    ++handled;
  };
  sigaction(SIGRTMIN, &action, nullptr);
  if (pipe(ping) != 0 || pipe(pong) != 0) return 3;
  std::thread threads[] = {std::thread(compute, 0),       std::thread(send, 1),
                           std::thread(answer, 2),        std::thread(take_turns, 3, 0),
                           std::thread(take_turns, 4, 1), std::thread(wait_often, 5),
                           std::thread(signal_itself, 6)};
  rounds[8] = 1;  // they run
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  int signal = 0;
  const int error = sigwait(&end, &signal);
  if (error != 0 || signal != SIGTERM) wrong("sigwait");
  stop = true;
  changed.notify_all();
  for (std::thread& thread : threads) thread.join();
  if (handled != sent) wrong("the number of signals");
  printf("errors %lu signals %lu %lu\n", errors.load(), sent.load(), handled.load());
  return errors == 0 ? 0 : 1;
}
