// Letting a process go: every thread back to the program's own code, and the engine out of its memory.
#pragma once

#include <signal.h>

#include <cstdint>

#include "launcher/kit.h"

namespace isotach::dbi {

// Waits for the time, or for one of the signals, which must be blocked. A problem: the process has ended.
Problem wait_to_detach(int process, int64_t after_ns, const sigset_t& signals);

// `address` is that of the runtime's DetachRequest.
Problem detach(int process, uint64_t address);

}  // namespace isotach::dbi
