#include "api/events.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "api/callbacks.h"
#include "api/debugger/debugger.h"
#include "api/hooks.h"
#include "api/images_api.h"
#include "api/instrument.h"
#include "engine/dispatch/attach.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/signals.h"
#include "engine/dispatch/stop_threads.h"
#include "engine/dispatch/threads.h"
#include "engine/instrument/buffer.h"
#include "engine/instrument/counters.h"
#include "engine/instrument/routine_requests.h"
#include "engine/os/follow.h"
#include "engine/os/raw_syscall.h"

namespace LEVEL_BASE {

struct CHILD_PROCESS_RECORD {
  OS_PROCESS_ID id = 0;
  std::vector<const CHAR*> arguments;
  bool has_pin_words = false;
  std::vector<std::string> pin_words;  // for the engine and the tool in the new program
};

}  // namespace LEVEL_BASE

namespace isotach::dbi::api {
namespace {

struct Lists {
  Callbacks<FINI_CALLBACK> fini, fini_unlocked;
  Callbacks<PREPARE_FOR_FINI_CALLBACK> prepare_for_fini;
  Callbacks<APPLICATION_START_CALLBACK> application_start;
  Callbacks<DETACH_CALLBACK> detach;
  Callbacks<THREAD_START_CALLBACK> thread_start;
  Callbacks<THREAD_FINI_CALLBACK> thread_fini;
  Callbacks<FORK_CALLBACK> fork;
  Callbacks<FORK_PROBE_MODE_CALLBACK> fork_probed;
  Callbacks<FOLLOW_CHILD_PROCESS_CALLBACK> follow;
  Callbacks<SYSCALL_ENTRY_CALLBACK> entry;
  Callbacks<SYSCALL_EXIT_CALLBACK> exit;
  Callbacks<CONTEXT_CHANGE_CALLBACK> context_change;
  std::atomic<uint32_t> ending{0};
};
Lists& lists() {
  static auto* the_one = new Lists;
  return *the_one;
}

// Taken around callbacks, as Pin does.
class ClientLock {
 public:
  ClientLock() { lock_client(); }
  ~ClientLock() { unlock_client(); }
  ClientLock(const ClientLock&) = delete;
  ClientLock& operator=(const ClientLock&) = delete;
};

CONTEXT* as_context(ThreadContext& context) {
  return reinterpret_cast<CONTEXT*>(&context);
}
THREADID number_of(const ThreadContext& context) {
  return static_cast<THREADID>(context.thread_id);
}

void thread_started(ThreadContext& context) {
  clear_thread_data(context);
  start_trace_buffers(context);
  if (lists().thread_start.empty()) return;
  const ClientLock locked;
  lists().thread_start.each([&](THREAD_START_CALLBACK function, VOID* value, const CALLBACK_RECORD&) {
    function(number_of(context), as_context(context), 0, value);
  });
}

void tell_thread_end(ThreadContext& context, int32_t code) {
  finish_trace_buffers(context);
  if (!lists().thread_fini.empty()) {
    const ClientLock locked;
    lists().thread_fini.each([&](THREAD_FINI_CALLBACK function, VOID* value, const CALLBACK_RECORD&) {
      function(number_of(context), as_context(context), code, value);
    });
  }
  destroy_thread_data(context);
}

void process_ending(ThreadContext& context, int32_t code) {
  // Two threads may end the process at once; the second one waits to be ended.
  if (lists().ending.exchange(1) != 0) {
    stay_stopped(context);
    while (true) raw_syscall(SYS_pause);
  }
  settle_all_counters();
  lists().prepare_for_fini.each(
      [](PREPARE_FOR_FINI_CALLBACK function, VOID* value, const CALLBACK_RECORD&) { function(value); });
  // All threads end with the process. Those that still run are told of here, by this one.
  std::vector<ThreadContext*> all;
  {
    Locked locked(dbi::engine().threads_lock);
    for (ThreadContext* one = dbi::engine().threads; one != nullptr; one = one->next) all.push_back(one);
  }
  for (ThreadContext* one : all) tell_thread_end(*one, code);
  {
    const ClientLock locked;
    end_images();
    lists().fini.each(
        [code](FINI_CALLBACK function, VOID* value, const CALLBACK_RECORD&) { function(code, value); });
  }
  lists().fini_unlocked.each(
      [code](FINI_CALLBACK function, VOID* value, const CALLBACK_RECORD&) { function(code, value); });
  debugger_process_ends(context, code);
  end_tool(false);
}

// All threads wait. A tool that has asked for nothing at detach is told that the program ends: for it, it
// does.
void detaching(ThreadContext&) {
  settle_all_counters();
  for (ThreadContext* one = dbi::engine().threads; one != nullptr; one = one->next)
    finish_trace_buffers(*one);
  {
    const ClientLock locked;
    lists().detach.each(
        [](DETACH_CALLBACK function, VOID* value, const CALLBACK_RECORD&) { function(value); });
    if (lists().detach.empty())
      lists().fini.each(
          [](FINI_CALLBACK function, VOID* value, const CALLBACK_RECORD&) { function(0, value); });
  }
  end_tool(true);
}

void system_call_entry(ThreadContext& context) {
  lists().entry.each([&](SYSCALL_ENTRY_CALLBACK function, VOID* value, const CALLBACK_RECORD&) {
    function(number_of(context), as_context(context), SYSCALL_STANDARD_IA32E_LINUX, value);
  });
}
void system_call_exit(ThreadContext& context) {
  lists().exit.each([&](SYSCALL_EXIT_CALLBACK function, VOID* value, const CALLBACK_RECORD&) {
    function(number_of(context), as_context(context), SYSCALL_STANDARD_IA32E_LINUX, value);
  });
}

// The runtime's own way to follow; asked only when the command line says so.
int64_t (*follow)(ThreadContext&) = nullptr;

int64_t ask_whether_to_follow(ThreadContext& context) {
  CHILD_PROCESS_RECORD child;
  child.id = static_cast<OS_PROCESS_ID>(PIN_GetPid());
  const bool at = context.registers[rax] == SYS_execveat;
  const auto* words = reinterpret_cast<const CHAR* const*>(context.registers[at ? rdx : rsi]);
  for (const CHAR* word = nullptr; words != nullptr; ++words) {
    if (PIN_SafeCopy(&word, words, sizeof word) != sizeof word || word == nullptr) break;
    child.arguments.push_back(word);
  }
  child.arguments.push_back(nullptr);
  bool wanted = true;
  lists().follow.each([&](FOLLOW_CHILD_PROCESS_CALLBACK function, VOID* value, const CALLBACK_RECORD&) {
    wanted = function(&child, value);
  });
  set_follow_words(child.has_pin_words ? &child.pin_words : nullptr);
  if (wanted) return follow(context);
  const uint64_t* r = context.registers;
  return raw_syscall(static_cast<long>(r[rax]), r[rdi], r[rsi], r[rdx], r[r10], r[r8]);
}

void tell_fork(ThreadContext& context, FPOINT point) {
  lists().fork.each([&](FORK_CALLBACK function, VOID* value, const CALLBACK_RECORD& record) {
    if (record.detail == point) function(number_of(context), as_context(context), value);
  });
  lists().fork_probed.each(
      [&](FORK_PROBE_MODE_CALLBACK function, VOID* value, const CALLBACK_RECORD& record) {
        if (record.detail == point) function(static_cast<UINT32>(PIN_GetPid()), value);
      });
}

void memory_unmapped(uint64_t low, uint64_t high) {
  const ClientLock locked;
  images_unmapped(low, high);
  routine_requests().forget(low, high);
}

// Where each thread stood before a change.
thread_local CONTEXT* changed_from = nullptr;

void context_changing(ThreadContext& context, ContextChange, int) {
  if (changed_from == nullptr) changed_from = new CONTEXT;
  PIN_SaveContext(as_context(context), changed_from);
}

void context_changed(ThreadContext& context, ContextChange change, int signal) {
  const bool is_fatal = change == ContextChange::fatal_signal;
  const CONTEXT_CHANGE_REASON reason = is_fatal                          ? CONTEXT_CHANGE_REASON_FATALSIGNAL
                                       : change == ContextChange::signal ? CONTEXT_CHANGE_REASON_SIGNAL
                                                                         : CONTEXT_CHANGE_REASON_SIGRETURN;
  lists().context_change.each([&](CONTEXT_CHANGE_CALLBACK function, VOID* value, const CALLBACK_RECORD&) {
    function(number_of(context), reason, changed_from, is_fatal ? nullptr : as_context(context), signal,
             value);
  });
}

struct Interceptor {
  INTERCEPT_SIGNAL_CALLBACK function = nullptr;
  VOID* value = nullptr;
};
Interceptor interceptors[65];

EXCEPTION_CODE code_of(const siginfo_t& info) {
  switch (info.si_signo) {
    case SIGSEGV:
      return info.si_code == SEGV_ACCERR ? EXCEPTCODE_ACCESS_DENIED : EXCEPTCODE_ACCESS_INVALID_ADDRESS;
    case SIGBUS:
      return info.si_code == BUS_ADRALN ? EXCEPTCODE_ACCESS_MISALIGNED : EXCEPTCODE_ACCESS_INVALID_PAGE;
    case SIGILL:
      return info.si_code == ILL_PRVOPC ? EXCEPTCODE_PRIVILEGED_INS : EXCEPTCODE_ILLEGAL_INS;
    case SIGFPE:
      switch (info.si_code) {
        case FPE_INTDIV:
          return EXCEPTCODE_INT_DIVIDE_BY_ZERO;
        case FPE_INTOVF:
          return EXCEPTCODE_INT_OVERFLOW_TRAP;
        case FPE_FLTDIV:
          return EXCEPTCODE_X87_DIVIDE_BY_ZERO;
        case FPE_FLTOVF:
          return EXCEPTCODE_X87_OVERFLOW;
        case FPE_FLTUND:
          return EXCEPTCODE_X87_UNDERFLOW;
        case FPE_FLTRES:
          return EXCEPTCODE_X87_INEXACT_RESULT;
        default:
          return EXCEPTCODE_X87_INVALID_OPERATION;
      }
    case SIGTRAP:
      return info.si_code == TRAP_TRACE ? EXCEPTCODE_DBG_SINGLE_STEP_TRAP : EXCEPTCODE_DBG_BREAKPOINT_TRAP;
    default:
      return EXCEPTCODE_NONE;
  }
}

}  // namespace

EXCEPTION_CODE exception_code_of(const siginfo_t& info) {
  return info.si_code > 0 ? code_of(info) : EXCEPTCODE_NONE;
}

namespace {

bool signal_arrived(ThreadContext& context, const siginfo_t& info, bool has_handler) {
  settle_all_counters();
  const bool is_step = info.si_signo == SIGTRAP && info.si_code == TRAP_TRACE;
  bool is_taken = false;
  const bool passes = debugger_takes_signal(context, info.si_signo, is_step, is_taken);
  if (is_taken) return false;
  const Interceptor& one = interceptors[info.si_signo];
  if (one.function == nullptr) return passes;
  EXCEPTION_INFO exception;
  const EXCEPTION_CODE code = exception_code_of(info);
  const auto access = reinterpret_cast<ADDRINT>(info.si_addr);
  if (code != EXCEPTCODE_NONE)
    PIN_InitAccessFaultInfo(&exception, code, context.pc, access, FAULTY_ACCESS_TYPE_UNKNOWN);
  return one.function(number_of(context), info.si_signo, as_context(context), has_handler,
                      code != EXCEPTCODE_NONE ? &exception : nullptr, one.value);
}

}  // namespace

void listen_to_engine() {
  EngineEvents& events = dbi::engine().events;
  const Lists& l = lists();
  events.thread_started = thread_started;
  events.thread_ending = tell_thread_end;
  events.process_ending = process_ending;
  events.detaching = detaching;
  if (!l.entry.empty()) events.system_call_entry = system_call_entry;
  if (!l.exit.empty()) events.system_call_exit = system_call_exit;
  events.fork_before = [](ThreadContext& context) { tell_fork(context, FPOINT_BEFORE); };
  events.fork_parent = [](ThreadContext& context) { tell_fork(context, FPOINT_AFTER_IN_PARENT); };
  events.fork_child = [](ThreadContext& context) {
    forget_debugger();
    tell_fork(context, FPOINT_AFTER_IN_CHILD);
  };
  events.memory_unmapped = memory_unmapped;
  events.signal_arrived = signal_arrived;
  if (debug_options().is_wanted) {
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT})
      events.wanted_signals |= uint64_t{1} << (signal - 1);
  }
  events.tool_fault = tool_fault;
  if (!l.follow.empty() && events.exec_follow != nullptr) {
    follow = events.exec_follow;
    events.exec_follow = ask_whether_to_follow;
  }
  if (!l.context_change.empty()) {
    events.context_changing = context_changing;
    events.context_changed = context_changed;
  }
}

void program_starts(ThreadContext& context, bool attaches) {
  lists().application_start.each(
      [](APPLICATION_START_CALLBACK function, VOID* value, const CALLBACK_RECORD&) { function(value); });
  // Threads that are taken over tell of themselves when they arrive.
  if (attaches) return;
  thread_started(context);
  debugger_at_entry(context);
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

PIN_CALLBACK PIN_AddFiniFunction(FINI_CALLBACK function, VOID* value) {
  return lists().fini.add(function, value);
}
PIN_CALLBACK PIN_AddFiniUnlockedFunction(FINI_CALLBACK function, VOID* value) {
  return lists().fini_unlocked.add(function, value);
}
VOID PIN_RemoveFiniFunctions() {
  lists().fini.clear();
  lists().fini_unlocked.clear();
}
PIN_CALLBACK PIN_AddPrepareForFiniFunction(PREPARE_FOR_FINI_CALLBACK function, VOID* value) {
  return lists().prepare_for_fini.add(function, value);
}
PIN_CALLBACK PIN_AddApplicationStartFunction(APPLICATION_START_CALLBACK function, VOID* value) {
  return lists().application_start.add(function, value);
}
PIN_CALLBACK PIN_AddDetachFunction(DETACH_CALLBACK function, VOID* value) {
  return lists().detach.add(function, value);
}
PIN_CALLBACK PIN_AddThreadStartFunction(THREAD_START_CALLBACK function, VOID* value) {
  return lists().thread_start.add(function, value);
}
PIN_CALLBACK PIN_AddThreadFiniFunction(THREAD_FINI_CALLBACK function, VOID* value) {
  return lists().thread_fini.add(function, value);
}
PIN_CALLBACK PIN_AddForkFunction(FPOINT point, FORK_CALLBACK function, VOID* value) {
  return lists().fork.add(function, value, point);
}
PIN_CALLBACK PIN_AddForkFunctionProbed(FPOINT point, FORK_PROBE_MODE_CALLBACK function, VOID* value) {
  return lists().fork_probed.add(function, value, point);
}
PIN_CALLBACK PIN_AddFollowChildProcessFunction(FOLLOW_CHILD_PROCESS_CALLBACK function, VOID* value) {
  return lists().follow.add(function, value);
}
PIN_CALLBACK PIN_AddSyscallEntryFunction(SYSCALL_ENTRY_CALLBACK function, VOID* value) {
  return lists().entry.add(function, value);
}
PIN_CALLBACK PIN_AddSyscallExitFunction(SYSCALL_EXIT_CALLBACK function, VOID* value) {
  return lists().exit.add(function, value);
}
PIN_CALLBACK PIN_AddContextChangeFunction(CONTEXT_CHANGE_CALLBACK function, VOID* value) {
  return lists().context_change.add(function, value);
}
// The engine never runs out of memory without ending with a message of its own.
VOID PIN_AddOutOfMemoryFunction(OUT_OF_MEMORY_CALLBACK, VOID*) {}

BOOL PIN_InterceptSignal(INT32 signal, INTERCEPT_SIGNAL_CALLBACK function, VOID* value) {
  if (signal < 1 || signal > 64 || signal == SIGKILL || signal == SIGSTOP) return FALSE;
  uint64_t& wanted = isotach::dbi::engine().events.wanted_signals;
  const uint64_t bit = uint64_t{1} << (signal - 1);
  interceptors[signal] = {function, value};
  wanted = function != nullptr ? wanted | bit : wanted & ~bit;
  return TRUE;
}
// Blocked signals stay with the kernel until the program wants them.
BOOL PIN_UnblockSignal(INT32 signal, BOOL) {
  return signal >= 1 && signal <= 64;
}
// Without an engine of its own for it, a fault is raised as the signal that the processor would have made of
// it.
VOID PIN_RaiseException(const CONTEXT* context, THREADID, const EXCEPTION_INFO* info) {
  ThreadContext* own = this_thread();
  if (own == nullptr) fail("PIN_RaiseException: this thread does not run the program");
  int signal = SIGSEGV, code = SEGV_MAPERR;
  switch (PIN_GetExceptionClass(info->code_)) {
    case EXCEPTCLASS_ILLEGAL_INS:
      signal = SIGILL, code = ILL_ILLOPC;
      break;
    case EXCEPTCLASS_INT_ERROR:
      signal = SIGFPE, code = FPE_INTDIV;
      break;
    case EXCEPTCLASS_FP_ERROR:
      signal = SIGFPE, code = FPE_FLTINV;
      break;
    case EXCEPTCLASS_DEBUG:
      signal = SIGTRAP, code = TRAP_BRKPT;
      break;
    default:
      break;
  }
  if (context != as_context(*own)) load_context(*own, context);
  raise_fault(*own, signal, code, info->access_);
  go_on_at(*own);
}

OS_PROCESS_ID CHILD_PROCESS_GetId(CHILD_PROCESS child) {
  return child->id;
}
VOID CHILD_PROCESS_GetCommandLine(CHILD_PROCESS child, INT* argc, const CHAR* const** argv) {
  *argc = static_cast<INT>(child->arguments.size()) - 1;
  *argv = child->arguments.data();
}
// The words from "pin" to before "--"; what comes behind it is the program's own.
VOID CHILD_PROCESS_SetPinCommandLine(CHILD_PROCESS child, INT argc, const CHAR* const* argv) {
  child->pin_words.clear();
  for (INT i = 1; i < argc && argv[i] != nullptr && std::string(argv[i]) != "--"; ++i)
    child->pin_words.emplace_back(argv[i]);
  child->has_pin_words = true;
}

BOOL PIN_IsProcessExiting() {
  return lists().ending.load() != 0;
}
VOID PIN_ExitProcess(INT32 code) {
  end_process(code);
}
// From an analysis routine or a callback: what the program's own exit_group would do.
VOID PIN_ExitApplication(INT32 code) {
  ThreadContext* context = this_thread();
  if (context == nullptr) end_process(code);
  program_exit_process(*context, code);
}

VOID PIN_AddFetchFunction(FETCH_CALLBACK, VOID*) {
  fail("PIN_AddFetchFunction is not offered: code is fetched from memory only");
}
VOID PIN_Detach() {
  resume_other_threads();
  if (!ask_to_be_let_go()) fail("PIN_Detach cannot start the launcher that lets the process go");
}

BOOL PIN_IsActionPending(THREADID) {
  return FALSE;
}

}  // namespace LEVEL_BASE
