// What isotach web shows of a capture: the page of isotach connections --report. The capture may be anyone's,
// and the server has others to serve, so a process of its own reads it, which is shut in: it has the capture
// as its standard input, the page as its output, a bound for its memory and one for its time, and may do
// nothing else (kernel/confinement.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/wait.h"
#include "command/spec.h"

namespace isotach::command {

// Starts such processes. They are this program again, with a command that is not listed.
class CapturePages {
 public:
  explicit CapturePages(const SignalWaiter& waiter) : waiter_(waiter) {}

  // The page of the capture that `file_fd` is at the beginning of; `name` is what it is called. Any thread
  // may call; takes some seconds for a large one, and at most a minute.
  [[nodiscard]] Result<std::string> page(const std::string& name, int file_fd) const;
  // Whoever waits for a page is let go, and so are all who ask from now on.
  void stop() { stopped_ = true; }

 private:
  [[nodiscard]] Result<std::string> read_page(int fd, std::int64_t deadline_ns) const;

  const SignalWaiter& waiter_;
  std::atomic<bool> stopped_ = false;
};

// The command that such a process runs.
[[nodiscard]] CommandSpec capture_page_command();

}  // namespace isotach::command
