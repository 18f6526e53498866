// What stop_test.py runs: threads that spin, wait and make processes while a tool stops and resumes them. The
// tool knows the functions marked below by name. Prints what it saw.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <thread>

extern char** environ;

namespace {

std::atomic<unsigned long> counts[2];
std::atomic<int> interrupted{0}, failed{0};
std::atomic<bool> is_over{false};

// Spins until the tool writes to a register: 1 while r12 is 0.
void spin(unsigned which) {
  unsigned long stop = 0;
  asm volatile(
      "xor %%r12, %%r12\n"
      "1: lock incq (%1)\n\t"
      "test %%r12, %%r12\n\t"
      "jz 1b\n\t"
      "mov %%r12, %0"
      : "=r"(stop)
      : "r"(&counts[which])
      : "r12", "memory", "cc");
  if (stop != 7) ++failed;
}

void rest() {
  while (!is_over) {
    const timespec short_time{0, 3'000'000};
    if (clock_nanosleep(CLOCK_MONOTONIC, 0, &short_time, nullptr) == EINTR) ++interrupted;
  }
}

void wait_in_read(int end) {
  char byte;
  const ssize_t got = read(end, &byte, 1);
  if (got < 0 && errno == EINTR) ++interrupted;
  if (got != 1) ++failed;
}

void make_processes() {
  while (!is_over) {
    pid_t child = 0;
    char name[] = "true";
    char* words[] = {name, nullptr};
    int status = 1;
    if (posix_spawn(&child, "/bin/true", nullptr, nullptr, words, environ) != 0 ||
        waitpid(child, &status, 0) != child || status != 0)
      ++failed;
  }
}

}  // namespace

extern "C" {
__attribute__((noinline)) void tool_counts(std::atomic<unsigned long>*) {
  asm volatile("");
}
// The tool stops the others within the first, and lets them go on within the second.
__attribute__((noinline)) void tool_stop() {
  asm volatile("");
}
__attribute__((noinline)) void tool_resume() {
  asm volatile("");
}
// Returns when the tool's own thread has stopped and resumed everybody often enough.
__attribute__((noinline)) void tool_wait() {
  asm volatile("");
}
}

int main() {
  int ends[2];
  if (pipe(ends) != 0) return 2;
  tool_counts(counts);
  std::thread spinners[2] = {std::thread(spin, 0), std::thread(spin, 1)};
  std::thread rester(rest), reader(wait_in_read, ends[0]), spawner(make_processes);
  while (counts[0] == 0 || counts[1] == 0) std::this_thread::yield();
  int moved = 0;
  for (int i = 0; i < 50; ++i) {
    tool_stop();
    const unsigned long before[2] = {counts[0], counts[1]};
    for (int k = 0; k < 20000; ++k) asm volatile("");
    moved += counts[0] != before[0] || counts[1] != before[1];
    tool_resume();
    while (counts[0] == before[0] || counts[1] == before[1]) std::this_thread::yield();
  }
  tool_wait();
  for (std::thread& spinner : spinners) spinner.join();
  is_over = true;
  const bool is_written = write(ends[1], "x", 1) == 1;
  rester.join();
  reader.join();
  spawner.join();
  std::printf("moved %d interrupted %d failed %d written %d\n", moved, interrupted.load(), failed.load(),
              is_written);
  return 0;
}
