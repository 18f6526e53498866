// The frame on the program's stack that a signal handler returns through, as the kernel makes and reads it:
// struct rt_sigframe and the floating point state behind it (arch/x86/include/uapi/asm/sigcontext.h).
#pragma once

#include <signal.h>
#include <ucontext.h>

#include <cstdint>

#include "engine/dispatch/context.h"
#include "engine/dispatch/signals.h"

namespace isotach::dbi {

// Pushes the frame and sets the registers for the handler's first instruction. False: no stack for it.
bool make_signal_frame(ThreadContext& context, const SignalAction& action, const siginfo_t& info,
                       uint64_t mask, const FaultRegisters& fault);
// rt_sigreturn(2): takes all registers, the alternate stack and the mask from the frame at rsp - 8.
bool read_signal_frame(ThreadContext& context, uint64_t& mask);

}  // namespace isotach::dbi
