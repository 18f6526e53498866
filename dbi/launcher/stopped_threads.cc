#include "launcher/stopped_threads.h"

#include <dirent.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace isotach::dbi {
namespace {

// From the kernel's include/linux/errno.h: they never reach a program.
constexpr long kRestartSystemCall = 512, kRestartNoInterrupt = 513, kRestartNoHandler = 514,
               kRestartBlock = 516;

constexpr int kMostScans = 10000;  // of a process that makes threads faster than they can be stopped
constexpr int64_t kDeadlineNs = 10'000'000'000;

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

}  // namespace

char state_of(int process, int thread) {
  char path[96];
  snprintf(path, sizeof path, "/proc/%d/task/%d/stat", process, thread);
  char text[512] = {};
  if (FILE* file = fopen(path, "re")) {
    const size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
  }
  const char* end = strrchr(text, ')');
  return end && end[1] ? end[2] : 'X';
}

bool is_to_restart(const user_regs_struct& registers) {
  return static_cast<long>(registers.orig_rax) >= 0 && static_cast<long>(registers.rax) == -kRestartBlock;
}

void prepare_to_restart(user_regs_struct& registers) {
  if (static_cast<long>(registers.orig_rax) >= 0) {
    switch (-static_cast<long>(registers.rax)) {
      case kRestartSystemCall:
      case kRestartNoInterrupt:
      case kRestartNoHandler:
        registers.rax = registers.orig_rax;
        registers.rip -= 2;
        break;
      case kRestartBlock:
        registers.rax = SYS_restart_syscall;
        registers.rip -= 2;
        break;
      default:
        break;
    }
  }
  registers.orig_rax = ~0ull;
}

std::vector<int> list_threads(int process) {
  std::vector<int> threads;
  const std::string path = "/proc/" + std::to_string(process) + "/task";
  DIR* folder = opendir(path.c_str());
  if (!folder) return threads;
  while (const dirent* entry = readdir(folder)) {
    const int thread = atoi(entry->d_name);
    if (thread <= 0) continue;
    const char state = state_of(process, thread);
    if (state != 'Z' && state != 'X') threads.push_back(thread);
  }
  closedir(folder);
  return threads;
}

bool StoppedThreads::seize(int thread, bool& is_there) {
  is_there = true;
  if (ptrace(PTRACE_SEIZE, thread, 0, PTRACE_O_TRACESYSGOOD) == 0) return true;
  const char state = state_of(process_, thread);
  if (errno == ESRCH || state == 'Z' || state == 'X') {
    is_there = false;  // it has ended
    return true;
  }
  error_number_ = errno;
  error_ = "trace thread " + std::to_string(thread) + ": " + strerror(errno);
  return false;
}

// Signals that arrive before the stop are given to the thread: it then stops at the first instruction of its
// handler. False when it does not stop in time, or has ended (its tracee is gone()).
bool StoppedThreads::wait_for_stop(Stopped& thread) {
  const int id = thread.tracee->thread();
  const int64_t deadline = now_ns() + kDeadlineNs;
  for (;;) {
    int status = 0;
    const pid_t got = waitpid(id, &status, __WALL | WNOHANG);
    if (got == 0) {
      if (now_ns() > deadline) {
        error_ = "thread " + std::to_string(id) + " does not stop (its state is " + state_of(process_, id) +
                 "); it may wait for a device or for a child of vfork(2)";
        return false;
      }
      const timespec little{0, 50'000};
      nanosleep(&little, nullptr);
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 || !WIFSTOPPED(status)) {
      thread.tracee->fail_with(ESRCH, "wait for it");
      return false;
    }
    if (status >> 16 == PTRACE_EVENT_STOP) return true;
    ptrace(PTRACE_CONT, id, 0, status >> 16 ? 0 : WSTOPSIG(status));
  }
}

void StoppedThreads::look(Stopped& thread) {
  thread.at_stop = thread.tracee->registers();
  thread.registers = thread.at_stop;
  prepare_to_restart(thread.registers);
  thread.mask = thread.tracee->signal_mask();
}

bool StoppedThreads::stop_all() {
  for (int scan = 0; scan < kMostScans; scan++) {
    std::vector<Stopped> found;
    for (const int id : list_threads(process_)) {
      const auto is_it = [id](const Stopped& each) { return each.tracee->thread() == id; };
      if (std::any_of(threads_.begin(), threads_.end(), is_it)) continue;
      bool is_there = true;
      if (!seize(id, is_there)) return false;
      if (!is_there) continue;
      Stopped thread;
      thread.tracee = std::make_unique<Tracee>(process_, id);
      found.push_back(std::move(thread));
    }
    if (found.empty()) {
      if (threads_.empty()) {
        error_number_ = ESRCH;
        error_ = "the process has ended";
      }
      return !threads_.empty();
    }
    // All are asked before any is waited for: a thread may hold up another.
    for (Stopped& thread : found) ptrace(PTRACE_INTERRUPT, thread.tracee->thread(), 0, 0);
    for (Stopped& thread : found) {
      const bool is_stopped = wait_for_stop(thread);
      if (is_stopped) look(thread);
      if (!is_stopped && !thread.tracee->gone()) return false;  // they go on when the launcher ends
      if (!thread.tracee->gone()) threads_.push_back(std::move(thread));
    }
  }
  error_ = "it makes new threads faster than they can be stopped";
  return false;
}

void StoppedThreads::let_run(Stopped& thread) {
  thread.tracee->restore_stop_signal();
  ptrace(PTRACE_DETACH, thread.tracee->thread(), 0, 0);
  std::erase_if(threads_, [&](const Stopped& each) { return &each == &thread; });
}

void StoppedThreads::detach_all() {
  for (Stopped& thread : threads_) {
    thread.tracee->restore_stop_signal();
    ptrace(PTRACE_DETACH, thread.tracee->thread(), 0, 0);
  }
  threads_.clear();
}

}  // namespace isotach::dbi
