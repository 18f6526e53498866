// Thread control blocks and stacks of the private C library, lent to the program's threads.
//
// A thread that the program made has a control block of the program's library, if any. To run the tool's
// code, which may use malloc, stdio, exceptions and thread_local variables, it needs one of ours: FS base and
// a stack. Only glibc knows how to make one, so it makes a whole thread, which ends by the system call alone
// and leaves its control block and stack behind. They are used again for other threads; what is thread_local
// in the tool starts anew each time.
//
// Thread rules: any thread that has a control block of the private library may call these, except where a
// function names its caller. No lock is taken.
#pragma once

#include <cstdint>

namespace isotach::dbi {

struct ThreadExit;

struct LentThread {
  uint64_t fs_base = 0;
  uint64_t stack_low = 0;  // above its guard page
  uint64_t stack_top = 0;  // aligned to 16: where a borrower's stack begins
  uint32_t in_use = 1;     // 0: free. Set to 0 by a borrower as the last that it does on the stack

  bool stays = false;  // the first one: the tool may keep pointers into its stack, so that it is never freed

  // The rest is this module's.
  uint32_t maker_lives = 1;       // futex: 0 when the kernel thread that came with it is gone
  uint32_t* kernel_id = nullptr;  // in the control block, where locks look for their owner
  ThreadExit* exits = nullptr;    // destructors of thread_local variables that are due
  LentThread* next = nullptr;     // of all there are
};

// One that nobody uses, made when there is none; null when there is no memory or no thread to be had. Its
// maker, a thread that lives for some microseconds, has all signals blocked.
LentThread* lend_thread();

// Makes `count` in advance, so that a clone(2) of the program need not wait.
void prepare_lent_threads(unsigned count);

// By the borrower, running on it, before anything else of the C library; again in the child of a fork.
void enter_lent_thread(LentThread* lent, uint32_t kernel_id);

// By the borrower, running on it, when its thread ends: runs what is due at the end of a thread, and makes
// the tool's thread_local variables as they were at first. What still uses the lent stack afterwards must
// block every signal, store 0 to `in_use` and end by the system call without touching the stack again.
void clean_lent_thread(LentThread* lent);

// By another thread: the borrower is gone, or never began. It must be clean.
void give_back_thread(LentThread* lent);

// Makes the calling thread's own control block and stack one that is lent to it: the one that the runtime's
// main began with. The kernel's notes about it for this thread (where to clear the thread id, robust futexes)
// are taken back: they belong to the program from now on.
LentThread* adopt_current_thread(uint64_t stack_low, uint64_t stack_high);

// In the child of a fork. What other threads had borrowed may be in any state (in the midst of malloc, say)
// and is lost; what was free can be lent again.
void forget_lent_threads(LentThread* mine);

// For tests: how many there are, and how many of them are free.
struct LentCount {
  unsigned all = 0, free = 0;
};
LentCount count_lent_threads();

}  // namespace isotach::dbi
