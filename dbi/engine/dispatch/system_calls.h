// The program's system calls: passed on to the kernel, except where the engine must know or act.
#pragma once

#include <cstdint>

namespace isotach::dbi {

struct ThreadContext;

// What isotach_program_system_call (switch.S) returns for a system call that a signal came before: beyond
// every errno.
inline constexpr int64_t kInterrupted = -4096;

// Carries out the system call of the instruction at context.pc (`length` bytes long): registers in the
// context become as the kernel would leave them, pc moves behind the instruction, or stays when a signal is
// to be delivered first.
void program_system_call(ThreadContext& context, unsigned length);

}  // namespace isotach::dbi
