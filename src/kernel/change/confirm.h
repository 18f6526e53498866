// A change that is put back by itself unless somebody confirms that the machine can still be reached.
//
// The command that made the change listens; another isotach, in another session, confirms. The socket has
// an abstract name, so that nothing of it is left by a kill -9; it is in the network namespace of the
// command. Only root and the user who made the change are heard.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::kernel {

class ConfirmListener {
 public:
  [[nodiscard]] static Result<ConfirmListener> open();
  // Readable when somebody may have confirmed, or input has come on `input_fd` (-1 for none), a terminal.
  [[nodiscard]] int fd() const { return events_.get(); }
  [[nodiscard]] Result<void> watch_input(int input_fd);

  enum class Event { none, confirmed, input };
  // What has come; `none` for somebody who may not confirm. Does not wait.
  [[nodiscard]] Event take();
  // To the one who confirmed: a line that says what became of the change.
  void answer(const std::string& text);

 private:
  ConfirmListener(Fd socket, Fd events) : socket_(std::move(socket)), events_(std::move(events)) {}

  Fd socket_;
  Fd events_;  // epoll: the socket and the terminal as one descriptor
  Fd confirmer_;
  int input_fd_ = -1;
};

// Confirms the change of that process, which is in this network namespace; returns its answer.
[[nodiscard]] Result<std::string> confirm_change(pid_t pid);

}  // namespace isotach::kernel
