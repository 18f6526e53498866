// Letting a process go: every thread back to the program's own code, and the engine out of its memory.
#pragma once

#include <signal.h>

#include <cstdint>

#include "launcher/kit.h"

namespace isotach::dbi {

// Waits for the time, or for one of the signals, which must be blocked. A problem: the process has ended.
Problem wait_to_detach(int process, int64_t after_ns, const sigset_t& signals);

// `address` is that of the runtime's DetachRequest. Given up when a thread has not left the engine and the
// tool within the time, of which that does not count in which it got no processor.
Problem detach(int process, uint64_t address, int64_t within_ns);

}  // namespace isotach::dbi
