// Waiting for the next sample without sleeping: one call waits for a deadline, a signal, a resized
// terminal or readable input, whichever comes first.
//
// One object per process, made in main before any thread starts; it blocks nothing in the threads.
// First SIGINT or SIGTERM: interrupted() turns true. Second SIGINT: the process leaves at once with
// exit code 130 (after running the emergency action, which must be async-signal-safe). A SIGHUP that was
// ignored when we were started (nohup) stays ignored.
#pragma once

#include <cstdint>
#include <string_view>

namespace isotach {

enum class Wake { deadline, interrupted, resized, child_exited, input, output_closed };

struct WaitTargets {
  int input_fd = -1;   // wake when readable; -1 for none
  int output_fd = -1;  // wake when the reader has closed it; -1 for none
};

class SignalWaiter {
 public:
  SignalWaiter();   // installs handlers for SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCHLD; ignores SIGPIPE
  ~SignalWaiter();  // puts the earlier handlers back
  SignalWaiter(const SignalWaiter&) = delete;
  SignalWaiter& operator=(const SignalWaiter&) = delete;

  // Waits until `deadline_monotonic_ns`. A signal that came before the call counts too.
  [[nodiscard]] Wake wait_until(std::int64_t deadline_monotonic_ns, WaitTargets targets = {});

  // True once wait_until() has returned output_closed.
  [[nodiscard]] bool output_closed() const { return output_closed_; }

  [[nodiscard]] bool interrupted() const;
  // The signal that interrupted, or 0.
  [[nodiscard]] int signal_number() const;
  // For tests and for commands that end themselves: as if SIGINT had come.
  void interrupt();

  // Bytes written to the terminal when the second SIGINT or a fatal end comes, such as the sequence
  // that leaves the alternate screen. Must outlive the waiter; empty for none.
  void set_emergency_text(std::string_view text);

  // Between fork() and exec(): the signal handling that this process was started with. Safe there.
  void restore_in_child() const;
  // The emergency action also gives the terminal on `fd` the settings (echo, line mode) that it has
  // now; -1 for none.
  void keep_terminal_settings(int fd);

 private:
  bool output_closed_ = false;
};

// What the second SIGINT does before it leaves: for ends that run no destructors, such as a failed
// CHECK. Async-signal-safe; does nothing when no emergency action is set.
void run_emergency_action();

}  // namespace isotach
