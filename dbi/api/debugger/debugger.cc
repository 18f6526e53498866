// The program's threads and a debugger: where they stop, and how they go on.
#include "api/debugger/debugger.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/debugger/state.h"
#include "api/hooks.h"
#include "api/instrument.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/single_step.h"
#include "engine/dispatch/stop_threads.h"
#include "engine/instrument/counters.h"

namespace isotach::dbi::api {
namespace {

constexpr uint64_t kTrapFlag = 0x100;
// Before everything that a tool has asked for at the instruction.
constexpr INT32 kBeforeAll = CALL_ORDER_FIRST - 10000;

CONTEXT* as_context(ThreadContext& context) {
  return reinterpret_cast<CONTEXT*>(&context);
}

bool passes_breakpoint(ThreadContext& context, uint64_t pc) {
  DebuggerState& state = debugger();
  if (!state.is_running) return true;
  const std::lock_guard<std::mutex> guard(state.mutex);
  const auto found = state.passes.find(&context);
  const bool passes = found != state.passes.end() && found->second == pc;
  if (found != state.passes.end()) state.passes.erase(found);
  return passes || !state.is_connected || state.breakpoints.count(pc) == 0;
}

VOID at_breakpoint(CONTEXT* registers, ADDRINT pc) {
  ThreadContext& context = *this_thread();
  if (passes_breakpoint(context, pc)) return;
  go_on_from_routine(context, hold(context, "T05swbreak:;", pc), registers);
}

bool wants_event(ThreadContext& context, DEBUGGING_EVENT event) {
  const DebuggerState& state = debugger();
  const INTERCEPT_DEBUGGING_EVENT_CALLBACK function = state.intercept[event];
  return function == nullptr || function(static_cast<THREADID>(context.thread_id), event, as_context(context),
                                         state.intercept_value[event]);
}

}  // namespace

DebugOptions& debug_options() {
  static auto* const the_ones = new DebugOptions;
  return *the_ones;
}
DebuggerState& debugger() {
  static auto* const the_one = new DebuggerState;
  return *the_one;
}

Held hold(ThreadContext& context, const std::string& reason, uint64_t breakpoint,
          const std::string& console) {
  DebuggerState& state = debugger();
  if (breakpoint != 0 && !wants_event(context, DEBUGGING_EVENT_BREAKPOINT)) return {};
  const unsigned depth = leave_client_lock();
  while (true) {
    const StopResult result = stop_other_threads(&context);
    if (result == StopResult::stopped) break;
    if (result == StopResult::not_possible)
      fail("a debugger needs membarrier(2), which this kernel does not allow");
    wait_while_stopped(context);
    bool is_there = breakpoint == 0;
    if (!is_there) {
      const std::lock_guard<std::mutex> guard(state.mutex);
      is_there = state.breakpoints.count(breakpoint) != 0;
    }
    if (is_there) continue;
    enter_client_lock(depth);
    return {};
  }
  settle_all_counters();
  std::unique_lock<std::mutex> guard(state.mutex);
  if (!state.is_connected && !state.is_at_start) {
    // It has gone meanwhile: nobody would let the thread go on.
    guard.unlock();
    resume_other_threads();
    enter_client_lock(depth);
    return {};
  }
  stay_stopped(context);
  state.current = &context;
  state.reason = reason + "thread:" + thread_name(context) + ";";
  state.console = console;
  state.is_stopped = true;
  if (state.stepping == &context) state.stepping = nullptr;
  state.held[&context] = {};
  const char byte = 's';
  if (write(state.wake, &byte, 1) != 1) fail("the debugger's server cannot be woken");
  state.changed.wait(guard, [&] { return state.held[&context].may_go; });
  guard.unlock();
  stay_no_longer(context);  // the debugger may have stopped all again by now, and changed registers
  guard.lock();
  const Held how = state.held[&context];
  state.held.erase(&context);
  if (state.breakpoints.count(context.pc) != 0) state.passes[&context] = context.pc;
  guard.unlock();
  set_trap_flag(context, how.steps ? kTrapFlag : 0);
  enter_client_lock(depth);
  return how;
}

void go_on_from_routine(ThreadContext& context, const Held& how, const CONTEXT* registers) {
  if (!how.may_go) return;
  if (how.was_changed || how.steps) PIN_ExecuteAt(registers);
  // It goes on behind this call, which is not made again.
  const std::lock_guard<std::mutex> guard(debugger().mutex);
  debugger().passes.erase(&context);
}

void debugger_at_entry(ThreadContext& context) {
  DebuggerState& state = debugger();
  if (state.is_running && debug_options().stops_at_entry) hold(context, "T05");
  const std::lock_guard<std::mutex> guard(state.mutex);
  state.is_at_start = false;
}

void insert_breakpoints(TracePlan& plan) {
  DebuggerState& state = debugger();
  if (!state.is_running) return;
  std::set<uint64_t> wanted;
  {
    const std::lock_guard<std::mutex> guard(state.mutex);
    wanted = state.breakpoints;
  }
  for (uint32_t i = 0; i < plan.instructions.size(); ++i) {
    if (wanted.count(plan.instructions[i].address) == 0) continue;
    INS_InsertCall(instruction_handle(i), IPOINT_BEFORE,
                   reinterpret_cast<AFUNPTR>(reinterpret_cast<VOID*>(at_breakpoint)), IARG_CONTEXT,
                   IARG_INST_PTR, IARG_CALL_ORDER, kBeforeAll, IARG_END);
  }
}

bool debugger_takes_signal(ThreadContext& context, int signal, bool is_step, bool& is_taken) {
  DebuggerState& state = debugger();
  is_taken = false;
  if (!state.is_running || !state.is_connected) return true;
  if (is_step) {
    bool is_ours;
    {
      const std::lock_guard<std::mutex> guard(state.mutex);
      is_ours = state.stepping == &context;
    }
    if (!is_ours) return true;
    is_taken = true;
    set_trap_flag(context, 0);
    if (wants_event(context, DEBUGGING_EVENT_SINGLE_STEP)) {
      hold(context, "T05");
    } else {
      resume_other_threads();
    }
    return false;
  }
  constexpr char kDigits[] = "0123456789abcdef";
  const std::string number = {kDigits[signal >> 4 & 15], kDigits[signal & 15]};
  const Held how = hold(context, "T" + number);
  is_taken = how.signal == 0;
  return how.signal != 0;
}

void debugger_process_ends(ThreadContext& context, int32_t code) {
  DebuggerState& state = debugger();
  if (!state.is_running) return;
  stay_stopped(context);
  std::unique_lock<std::mutex> guard(state.mutex);
  if (!state.is_connected) return;
  constexpr char kDigits[] = "0123456789abcdef";
  state.end = std::string("W") + kDigits[code >> 4 & 15] + kDigits[code & 15];
  const char byte = 'e';
  if (write(state.wake, &byte, 1) != 1) return;
  // The server has sent it, or the debugger is gone.
  state.changed.wait(guard, [&] { return !state.is_connected; });
}

// Its locks may have been anybody's when the process was copied: they are not touched any more.
void forget_debugger() {
  debugger().is_running = false;
  debug_options().is_wanted = false;
}

}  // namespace isotach::dbi::api
