// The process that puts back what a transaction has changed when its command is killed.
#pragma once

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/change/journal.h"

namespace isotach::kernel {

// Starts it. It keeps the lock of `journal`, and waits until the pipe is told (release_watchdog) or
// closed, which is what the kernel does when the command dies however it dies.
struct Watchdog {
  pid_t pid = -1;
  Fd pipe;
};
[[nodiscard]] Result<Watchdog> start_watchdog(Journal& journal);

// The command has put back or kept its changes by itself.
void release_watchdog(Watchdog& watchdog);

}  // namespace isotach::kernel
