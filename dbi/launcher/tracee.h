// A thread that is traced: its stops, its registers, its memory, and system calls made in its place.
//
// Errors are sticky: after the first one everything fails quietly and error() says what it was, so that a row
// of steps is checked once at its end. A thread that died is such an error, with gone() true.
#pragma once

#include <sys/user.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace isotach::dbi {

class Tracee {
 public:
  // `thread` must be a tracee of the caller, stopped or about to stop.
  Tracee(int process, int thread) : process_(process), thread_(thread) {}

  [[nodiscard]] int process() const { return process_; }
  [[nodiscard]] int thread() const { return thread_; }
  [[nodiscard]] bool ok() const { return error_.empty(); }
  [[nodiscard]] bool gone() const { return gone_; }
  [[nodiscard]] const std::string& error() const { return error_; }
  void fail(const std::string& what);  // with what errno says
  void fail_with(int error, const std::string& what);

  // Waits until the thread stops and returns the wait status, -1 when it is gone.
  int wait_stop();

  // From a stop within a system call to that at its exit.
  void leave_system_call() { to_system_call_stop(); }

  // SIGSTOP cannot be blocked, and is taken away when it comes while the thread makes system calls for us.
  // This sends it again, unless a SIGCONT has come after it. Before the thread is let go.
  void restore_stop_signal();

  user_regs_struct registers();
  void set_registers(const user_regs_struct& registers);
  uint64_t signal_mask();
  void set_signal_mask(uint64_t mask);

  void read(uint64_t address, void* to, size_t size);
  void write(uint64_t address, const void* from, size_t size);

  // Finds an instruction `syscall` that the thread can run: in the vdso, or in any other code.
  void find_system_call();
  // Makes the thread make a system call; returns what it returned, or -1 after an error. It must be stopped
  // outside of a system call or at its exit, with every signal blocked. Changes its registers.
  int64_t call(long number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0, uint64_t d = 0, uint64_t e = 0,
               uint64_t f = 0);
  // As call(), but a result that is an error is the tracee's error too: "WHAT: ...".
  uint64_t must(const char* what, long number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0, uint64_t d = 0,
                uint64_t e = 0, uint64_t f = 0);
  // A clone(2) by the thread whose child is traced by us and stopped before its first instruction. Returns
  // the child's thread id, 0 after an error. The thread's trace options must hold PTRACE_O_TRACECLONE.
  int clone(uint64_t flags, uint64_t stack);

 private:
  // Goes on until the next system call stop; true when it is one.
  bool to_system_call_stop();
  void enter(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

  int process_;
  int thread_;
  bool gone_ = false;
  bool saw_stop_signal_ = false;
  uint64_t system_call_ = 0;  // address of an instruction `syscall`
  std::string error_;
};

}  // namespace isotach::dbi
