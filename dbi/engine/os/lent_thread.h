// Thread control blocks and stacks of the private C library, lent to the program's threads.
//
// Engine and tool code on a thread of the program needs what every thread of a C library has: errno,
// thread_local variables, a stack. A thread of the private library is started, tells where its control block
// is, and ends by the exit system call alone: the kernel's thread is gone, its control block and stack stay
// whole.
//
// Thread rules: any thread that has a control block of the private library may call these.
#pragma once

#include <cstdint>

namespace isotach::dbi {

struct LentThread {
  uint64_t fs_base = 0;
  uint64_t stack_low = 0;
  uint64_t stack_top = 0;
  uint32_t in_use =
      0;  // becomes 0 when the borrower has left it for good; also set so by isotach_exit_thread
  LentThread* next = nullptr;
};

// nullptr when the system has no thread to give.
LentThread* lend_thread();
void give_back_thread(LentThread* lent);
// In the child of a fork: all but `mine` are free again.
void forget_lent_threads(LentThread* mine);

}  // namespace isotach::dbi
