// abort(3) as the tool and its libraries find it: says who called it, and ends the process by SIGABRT, as the
// C library's does, whatever the program does with that signal. The program's own library has its own
// function and never comes here.
#include <signal.h>
#include <sys/syscall.h>

#include <cstdint>

#include "engine/dispatch/crash.h"
#include "engine/os/raw_syscall.h"

using isotach::dbi::raw_syscall;

extern "C" __attribute__((visibility("default"), noreturn)) void abort() noexcept {
  static bool is_second = false;
  if (!__atomic_exchange_n(&is_second, true, __ATOMIC_SEQ_CST)) isotach::dbi::report_abort();
  const uint64_t by_default[4] = {};
  raw_syscall(SYS_rt_sigaction, SIGABRT, reinterpret_cast<uint64_t>(by_default), 0, 8);
  const uint64_t none = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<uint64_t>(&none), 0, 8);
  raw_syscall(SYS_tgkill, static_cast<uint64_t>(raw_syscall(SYS_getpid)),
              static_cast<uint64_t>(raw_syscall(SYS_gettid)), SIGABRT);
  for (;;) raw_syscall(SYS_exit_group, 128 + SIGABRT);
}
