#include "engine/dispatch/crash.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <sys/syscall.h>

#include <cstdio>
#include <iterator>
#include <utility>

#include "engine/dispatch/engine.h"
#include "engine/os/raw_syscall.h"
#include "engine/os/stop.h"

namespace isotach::dbi {
namespace {

// This file's functions, the handler, its return and the place of the fault, which is told already.
constexpr int kFramesOfHandler = 5;

void say(const char* text, int size) {
  if (size > 0) raw_syscall(SYS_write, 2, reinterpret_cast<uint64_t>(text), static_cast<uint64_t>(size));
}

void say_address(const char* what, void* address) {
  char line[512];
  Dl_info where{};
  if (dladdr(address, &where) != 0 && where.dli_fname != nullptr) {
    const auto from_base = static_cast<const char*>(address) - static_cast<const char*>(where.dli_fbase);
    if (where.dli_sname != nullptr) {
      say(line, std::snprintf(line, sizeof line, "  %s %p %s+0x%tx in %s\n", what, address, where.dli_sname,
                              static_cast<const char*>(address) - static_cast<const char*>(where.dli_saddr),
                              where.dli_fname));
    } else {
      say(line,
          std::snprintf(line, sizeof line, "  %s %p %s+0x%tx\n", what, address, where.dli_fname, from_base));
    }
  } else {
    say(line, std::snprintf(line, sizeof line, "  %s %p\n", what, address));
  }
}

// Who called, but for the innermost `skipped`.
void say_callers(int skipped) {
  void* frames[48];
  const int count = backtrace(frames, 48);
  for (int i = skipped; i < count; ++i) say_address("called from", frames[i]);
}

void say_program(const ThreadContext* context) {
  if (context == nullptr) return;
  char line[128];
  say(line, std::snprintf(line, sizeof line, "  the program (thread %llu) stood near 0x%llx\n",
                          static_cast<unsigned long long>(context->thread_id),
                          static_cast<unsigned long long>(context->pc)));
}

[[noreturn]] void report(const ThreadContext* context, int signal, const siginfo_t& info, void* pc,
                         bool has_callers) {
  static bool is_second = false;
  if (__atomic_exchange_n(&is_second, true, __ATOMIC_SEQ_CST)) {
    for (;;) raw_syscall(SYS_exit_group, kEngineFailed);
  }
  char line[512];
  Dl_info where{};
  const bool is_known = dladdr(pc, &where) != 0 && where.dli_fname != nullptr;
  say(line,
      std::snprintf(line, sizeof line,
                    "isotach pin: signal %d at address %p in %s: a fault of the tool or the engine, not of "
                    "the program\n",
                    signal, info.si_addr, is_known ? where.dli_fname : "unknown code"));
  say_address(has_callers ? "at" : "in, written in place,", pc);
  if (has_callers) say_callers(kFramesOfHandler);
  say_program(context);
  for (;;) raw_syscall(SYS_exit_group, kEngineFailed);
}

void* pc_of(const ucontext_t& user) {
  return reinterpret_cast<void*>(user.uc_mcontext.gregs[REG_RIP]);
}

constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
struct sigaction before[std::size(kFaults)];
bool reports_early = false;

void report_early(int signal, siginfo_t* info, void* user) {
  report(nullptr, signal, *info, pc_of(*static_cast<ucontext_t*>(user)), true);
}

}  // namespace

void begin_early_reports() {
  struct sigaction action {};
  action.sa_sigaction = report_early;
  action.sa_flags = SA_SIGINFO;
  for (size_t i = 0; i < std::size(kFaults); ++i) sigaction(kFaults[i], &action, &before[i]);
  reports_early = true;
}

void end_early_reports() {
  if (!std::exchange(reports_early, false)) return;
  for (size_t i = 0; i < std::size(kFaults); ++i) sigaction(kFaults[i], &before[i], nullptr);
}

void report_crash(ThreadContext& context, int signal, const siginfo_t& info, const ucontext_t& user) {
  report(&context, signal, info, pc_of(user), true);
}

void report_crash_in_place(ThreadContext& context, uint64_t routine, int signal, const siginfo_t& info) {
  report(&context, signal, info, reinterpret_cast<void*>(routine), false);
}

void report_abort() {
  char line[128];
  say(line, std::snprintf(line, sizeof line,
                          "isotach pin: the tool or the engine has called abort(), not the program\n"));
  say_callers(2);
  uint64_t gs_base = 0;
  asm("rdgsbase %0" : "=r"(gs_base));
  say_program(gs_base == 0 ? nullptr : &current_context());
}

void report_crash_outside(int signal, const siginfo_t& info, const ucontext_t& user) {
  report(nullptr, signal, info, pc_of(user), true);
}

}  // namespace isotach::dbi
