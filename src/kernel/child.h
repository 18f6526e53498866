// A program that we start, watch and see to its end: whatever happens, it is waited for.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/wait.h"

namespace isotach::kernel {

// How a program ended.
struct ChildEnd {
  bool by_signal = false;
  int number = 0;  // the exit code, or the signal
  // CPU time of the program and of the children it waited for.
  std::int64_t user_ns = 0;
  std::int64_t system_ns = 0;
  // The largest RSS of the program, or of one of the children it waited for. The kernel lets a program
  // inherit the size that its parent had at the start: nothing unless it grew beyond that.
  std::optional<std::uint64_t> peak_resident_kib;
};

// The file that execvp() would run, looked for in PATH as it does; an error that says why there is none.
[[nodiscard]] Result<std::string> find_program(const std::string& name);

// Whether ksmd may merge all memory of a program and of its children (PR_SET_MEMORY_MERGE, Linux 6.4).
enum class ChildMemory { as_usual, offered };
// Whether this kernel can do that.
[[nodiscard]] bool can_offer_memory();

// What a program has as its standard input, output and error; -1: what we have.
struct ChildFiles {
  int input = -1;
  int output = -1;
  int error = -1;
  bool alone = false;  // it inherits nothing besides, whatever of ours stays open at exec()
};

class ChildProcess {
 public:
  // Starts words[0] with the rest as its arguments; returns once it runs. It has the signal handling that we
  // were started with. Should the thread that started it die, the program gets SIGTERM.
  [[nodiscard]] static Result<ChildProcess> start(const std::vector<std::string>& words,
                                                  const SignalWaiter& waiter, const ChildFiles& files = {},
                                                  ChildMemory memory = ChildMemory::as_usual);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ~ChildProcess();  // stops it, if it still runs

  [[nodiscard]] pid_t pid() const { return pid_; }
  // It stays in /proc, with its last counters, until it is waited for.
  [[nodiscard]] bool has_ended() const;
  // Makes it end: sends `signal_number` (0: none, it has had its own), gives it a moment, then insists
  // by SIGTERM and SIGKILL. It has not been waited for yet.
  void stop(int signal_number);
  // Waits for it to end.
  ChildEnd wait();

 private:
  ChildProcess(pid_t pid, std::uint64_t inherited_peak_kib);
  [[nodiscard]] bool ends_within(std::int64_t limit_ns) const;

  pid_t pid_;  // -1 once it has been waited for
  std::uint64_t inherited_peak_kib_;
};

}  // namespace isotach::kernel
