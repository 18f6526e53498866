// All threads of a running process, stopped by ptrace(2) without a signal (PTRACE_SEIZE, PTRACE_INTERRUPT).
#pragma once

#include <sys/user.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/os/handover.h"
#include "launcher/tracee.h"

namespace isotach::dbi {

struct Stopped {
  std::unique_ptr<Tracee> tracee;
  user_regs_struct registers{};  // as the kernel would let it go on: an interrupted system call is prepared
                                 // to be made again
  user_regs_struct at_stop{};    // as they were
  uint64_t mask = 0;
  bool is_new = true;  // for the owner
};

class StoppedThreads {
 public:
  explicit StoppedThreads(int process) : process_(process) {}

  // Stops every thread there is, those made meanwhile included. Threads that are stopped already stay so.
  // False: error() says why, and error_number() what ptrace(2) said; what was stopped is so still.
  bool stop_all();

  [[nodiscard]] std::vector<Stopped>& threads() { return threads_; }
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] int error_number() const { return error_number_; }

  // Lets a thread go on, not traced: a tracer would have to hand it every signal, each step by the trap flag
  // among them. stop_all() stops it again.
  void let_run(Stopped& thread);
  // Lets all go for good, as they are. A process that was stopped by a signal stays so.
  void detach_all();

 private:
  bool seize(int thread, bool& is_there);
  bool wait_for_stop(Stopped& thread);
  void look(Stopped& thread);

  int process_;
  int error_number_ = 0;
  std::string error_;
  std::vector<Stopped> threads_;
};

// Stopped within a system call that the kernel goes on with by restart_syscall(2) alone.
bool is_to_restart(const user_regs_struct& registers);
// What the kernel does with a thread that was stopped in a system call when it goes on without a signal.
void prepare_to_restart(user_regs_struct& registers);

// The letter in /proc/PROCESS/task/THREAD/stat; X when it has ended.
char state_of(int process, int thread);

// The thread ids in /proc/PROCESS/task that have not ended.
std::vector<int> list_threads(int process);

}  // namespace isotach::dbi
