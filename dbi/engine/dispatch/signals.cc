#include "engine/dispatch/signals.h"

#include <errno.h>
#include <sys/syscall.h>

#include <cstring>

#include "engine/dispatch/attach.h"
#include "engine/dispatch/code_pages.h"
#include "engine/dispatch/crash.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/kernel_signals.h"
#include "engine/dispatch/single_step.h"
#include "engine/dispatch/stop_threads.h"
#include "engine/dispatch/system_calls.h"
#include "engine/os/raw_syscall.h"

extern "C" {
void isotach_exit_cache();
void isotach_enter_begin();
void isotach_enter_end();
void isotach_enter_again();
void isotach_signal_entry();
void isotach_system_call_window();
void isotach_system_call_instruction();
void isotach_system_call_done();
void isotach_system_call_interrupted();
void isotach_safe_copy_begin();
void isotach_safe_copy_end();
void isotach_safe_copy_failed();
void isotach_call_interrupted();
}

asm(R"(
    .text
# Unwinders know a signal frame by these very bytes, and look for a function at the byte before them.
    nop
    .globl isotach_signal_return
isotach_signal_return:
    movq $15, %rax
    syscall
# Where an analysis call returns to that a signal interrupted: the handler of this trap steps on from there.
    .globl isotach_call_interrupted
isotach_call_interrupted:
    int3
)");

namespace isotach::dbi {
namespace {

constexpr uint64_t kSystemCallBytes = 2;
constexpr unsigned kMaximumStackArguments = 40;
constexpr uint8_t kInt1 = 0xf1;

uint64_t address_of(void (*label)()) {
  return reinterpret_cast<uint64_t>(label);
}

bool is_between(uint64_t pc, void (*begin)(), void (*end)()) {
  return pc >= address_of(begin) && pc < address_of(end);
}

void copy_registers(ThreadContext& context, const mcontext_t& machine) {
  const greg_t* r = machine.gregs;
  context.registers[rax] = static_cast<uint64_t>(r[REG_RAX]);
  context.registers[rcx] = static_cast<uint64_t>(r[REG_RCX]);
  context.registers[rdx] = static_cast<uint64_t>(r[REG_RDX]);
  context.registers[rbx] = static_cast<uint64_t>(r[REG_RBX]);
  context.registers[rsp] = static_cast<uint64_t>(r[REG_RSP]);
  context.registers[rbp] = static_cast<uint64_t>(r[REG_RBP]);
  context.registers[rsi] = static_cast<uint64_t>(r[REG_RSI]);
  context.registers[rdi] = static_cast<uint64_t>(r[REG_RDI]);
  for (unsigned i = 0; i < 8; ++i)
    context.registers[r8 + i] = static_cast<uint64_t>(r[REG_R8 + static_cast<int>(i)]);
  context.flags = static_cast<uint64_t>(r[REG_EFL]) & ~kTrapFlag;
}

struct Place {
  const Unit* unit = nullptr;  // code of units stays while a thread is inside
  uint16_t code_offset = 0;
  uint16_t pc_offset = 0;
  bool is_unit = false;
  bool is_boundary = false;
  bool is_forgotten = false;  // the unit is
  uint64_t pc = 0;
  uint16_t state = 0;
};

// Which of the program's instructions emitted code at `address` belongs to.
Place place_of(uint64_t address) {
  Engine& engine = dbi::engine();
  Locked locked(engine.lock);
  Place place;
  const Unit* unit = engine.cache.unit_at(address);
  if (unit == nullptr) return place;
  const auto offset = static_cast<uint16_t>(address - reinterpret_cast<uint64_t>(unit->code));
  const UnitPlace found = place_in(*unit, offset);
  if (!found.found) return place;
  place.is_unit = true;
  place.unit = unit;
  place.is_forgotten = unit->dead;
  place.code_offset = offset;
  place.pc_offset = found.pc_offset;
  place.pc = unit->pc + found.pc_offset;
  place.state = found.state;
  place.is_boundary = found.is_boundary;
  return place;
}

// The context holds the processor's registers; afterwards it holds the program's.
void settle(ThreadContext& context, const Place& place, Leaving leaving) {
  context.version = place.unit->version;
  if (!place.is_boundary) {
    for (unsigned slot = 0; slot < 3; ++slot) {
      const unsigned reg = (place.state >> (5 * slot)) & 31;
      if (reg != 0) context.registers[reg - 1] = context.slots[slot];
    }
  }
  settle(context, *place.unit, place.code_offset, place.pc_offset, leaving);
}

// A fault in a string instruction with a segment: the emitter has added the segment's base to its register.
void take_back_segment(ThreadContext& context, uint64_t pc) {
  const Scan scan = scan_at(pc);
  const int reg = segment_string_register(scan);
  if (reg < 0 || scan.segment == Segment::none) return;
  context.registers[reg] -= scan.segment == Segment::fs ? context.program_fs : context.program_gs;
}

// The thread leaves the handler into the dispatcher, which finds the program's registers in the context.
void leave_to(ThreadContext& context, ucontext_t& user, void (*label)()) {
  greg_t* r = user.uc_mcontext.gregs;
  r[REG_RIP] = static_cast<greg_t>(address_of(label));
  r[REG_RSP] = static_cast<greg_t>(context.host_rsp);
  r[REG_EFL] &= ~static_cast<greg_t>(kTrapFlag | 0x400);
}

void set_frame_mask(ucontext_t& user, uint64_t mask) {
  std::memcpy(&user.uc_sigmask, &mask, sizeof mask);
}

uint64_t frame_mask(const ucontext_t& user) {
  uint64_t mask;
  std::memcpy(&mask, &user.uc_sigmask, sizeof mask);
  return mask;
}

void record(ThreadContext& context, const siginfo_t& info, ucontext_t& user) {
  SignalState& state = *context.signals;
  state.is_recorded = true;
  state.info = info;
  // A filter of system calls (seccomp) names the instruction behind the call.
  if (info.si_signo == SIGSYS && info.si_code > 0) {
    state.info.si_call_addr = reinterpret_cast<void*>(context.pc + kSystemCallBytes);
  }
  state.mask = frame_mask(user) | state.blocked_faults;
  set_frame_mask(user, ~kFaults);
  __atomic_store_n(&context.pending, 1, __ATOMIC_RELAXED);
}

}  // namespace

Scan scan_at(uint64_t pc) {
  uint8_t bytes[15];
  size_t size = sizeof bytes;
  if (!isotach_safe_copy(bytes, reinterpret_cast<const void*>(pc), size)) {
    size = 4096 - pc % 4096;
    if (size >= sizeof bytes || !isotach_safe_copy(bytes, reinterpret_cast<const void*>(pc), size)) return {};
  }
  return scan_instruction(bytes, size, pc);
}

void intercept_analysis_return(ThreadContext& context) {
  // Its return address lies on top of the host stack, below at most some arguments.
  auto* return_slot = reinterpret_cast<uint64_t*>(context.host_rsp);
  for (unsigned i = 0; i < kMaximumStackArguments; ++i) {
    --return_slot;
    if (!is_in_cache(*return_slot)) continue;
    context.signals->call_return = *return_slot;
    *return_slot = address_of(&isotach_call_interrupted);
    return;
  }
}

namespace {

bool is_pushf(const uint8_t* code) {
  return code[0] == 0x9c || ((code[0] == 0x66 || (code[0] & 0xf8) == 0x48) && code[1] == 0x9c);
}

void step(SignalState& state, greg_t* r) {
  state.is_stepping = true;
  state.is_stepping_pushf = is_pushf(reinterpret_cast<const uint8_t*>(r[REG_RIP]));
  r[REG_EFL] |= static_cast<greg_t>(kTrapFlag);
}

// The thread is in the cache and is to leave it: to the dispatcher at the next boundary where it may.
void step_to_boundary(ThreadContext& context, ucontext_t& user) {
  greg_t* r = user.uc_mcontext.gregs;
  const auto pc = static_cast<uint64_t>(r[REG_RIP]);
  SignalState& state = *context.signals;
  if (!is_in_cache(pc)) {
    r[REG_EFL] &= ~static_cast<greg_t>(kTrapFlag);
    state.is_stepping = false;
    // Out of the cache by itself: the dispatcher looks at `pending`. Or into an analysis call: it is given
    // another return address, so that we hear of its end.
    if (is_between(pc, isotach_exit_cache, isotach_enter_end) || context.is_dispatching != 0) {
      state.rest.end();
    } else {
      intercept_analysis_return(context);
    }
    return;
  }
  const Place place = place_of(pc);
  if (place.is_boundary && state.rest.may_leave_at(*place.unit, place.pc)) {
    state.rest.end();
    copy_registers(context, user.uc_mcontext);
    settle(context, place, Leaving::at_boundary);
    context.pc = place.pc;
    state.is_stepping = false;
    leave_to(context, user, isotach_signal_entry);
    return;
  }
  step(state, r);
}

// In isotach_safe_copy(), on any thread: whether it was, and the thread can go on.
bool handle_fault_of_copy(int signal, const siginfo_t& info, ucontext_t& user) {
  greg_t* r = user.uc_mcontext.gregs;
  if (signal != SIGSEGV && signal != SIGBUS) return false;
  if (!is_between(static_cast<uint64_t>(r[REG_RIP]), isotach_safe_copy_begin, isotach_safe_copy_end))
    return false;
  // Only a write can hit a guarded page; and one that holds the engine's lock only reads.
  constexpr greg_t kWrite = 2;
  const auto address = reinterpret_cast<uint64_t>(info.si_addr);
  if (signal != SIGSEGV || (r[REG_ERR] & kWrite) == 0 || !let_code_be_written(address))
    r[REG_RIP] = static_cast<greg_t>(address_of(&isotach_safe_copy_failed));
  return true;
}

bool is_behind_int1(uint64_t pc) {
  return is_in_cache(pc - 1) && reinterpret_cast<const uint8_t*>(pc)[-1] == kInt1;
}

// True when the fault was ours and the thread can go on.
bool handle_own_fault(ThreadContext& context, int signal, const siginfo_t& info, ucontext_t& user) {
  greg_t* r = user.uc_mcontext.gregs;
  const auto pc = static_cast<uint64_t>(r[REG_RIP]);
  SignalState& state = *context.signals;
  if (signal == SIGTRAP && info.si_code > 0) {
    // A virtual processor may not tell that it was a step: the kernel then takes it for int1.
    const bool is_step = info.si_code == TRAP_TRACE || (info.si_code == TRAP_BRKPT && !is_behind_int1(pc));
    if (state.is_stepping && is_step) {
      // It has pushed our trap flag.
      if (state.is_stepping_pushf) reinterpret_cast<uint8_t*>(r[REG_RSP])[1] &= 0xfe;
      step_to_boundary(context, user);
      return true;
    }
    // The processor's trap flag is the engine's: a trap that comes late is nobody's.
    if (info.si_code == TRAP_TRACE) {
      r[REG_EFL] &= ~static_cast<greg_t>(kTrapFlag);
      return true;
    }
    if (pc == address_of(&isotach_call_interrupted) + 1) {
      r[REG_RIP] = static_cast<greg_t>(state.call_return);
      step_to_boundary(context, user);
      return true;
    }
  }
  if (signal != SIGSEGV && signal != SIGBUS) return false;
  if (handle_fault_of_copy(signal, info, user)) return true;
  if (signal == SIGSEGV && info.si_code == SEGV_ACCERR && is_in_cache(pc) &&
      let_code_be_written(reinterpret_cast<uint64_t>(info.si_addr))) {
    // The write is done again, and works now. The unit that was running may be among those that were flushed.
    const Place place = place_of(pc);
    if (!place.is_unit || !place.is_forgotten) return true;
    if (dbi::engine().translator.options().instrumenter != nullptr) {
      state.rest.begin(*place.unit, place.pc, place.pc + scan_at(place.pc).length);
      step(state, r);
      return true;
    }
    copy_registers(context, user.uc_mcontext);
    settle(context, place, Leaving::to_restart);
    context.pc = place.pc;
    state.is_stepping = false;
    leave_to(context, user, isotach_signal_entry);
    return true;
  }
  return false;
}

// The tool (or the engine) has written to a pipe or socket that nobody reads: its system call has just
// failed. Not what another process or thread sends.
bool is_own_broken_pipe(const siginfo_t& info, const ucontext_t& user) {
  const greg_t* r = user.uc_mcontext.gregs;
  const auto pc = static_cast<uint64_t>(r[REG_RIP]);
  if (info.si_code != SI_USER || r[REG_RAX] != -EPIPE || is_in_cache(pc)) return false;
  if (pc == address_of(&isotach_system_call_done)) return false;
  if (info.si_pid != static_cast<pid_t>(raw_syscall(SYS_getpid))) return false;
  const auto* behind = reinterpret_cast<const uint8_t*>(pc);
  return behind[-2] == 0x0f && behind[-1] == 0x05;
}

// A fault of the program, in translated code.
void record_program_fault(ThreadContext& context, int signal, const siginfo_t& info, ucontext_t& user) {
  SignalState& state = *context.signals;
  auto pc = static_cast<uint64_t>(user.uc_mcontext.gregs[REG_RIP]);
  const bool is_behind = signal == SIGTRAP && info.si_code == SI_KERNEL;  // int3 reports where it went on
  if (is_behind) --pc;
  const Place place = place_of(pc);
  if (!place.is_unit) report_crash(context, signal, info, user);
  if (const uint64_t routine = routine_at(*place.unit, place.code_offset)) {
    context.pc = place.pc;
    report_crash_in_place(context, routine, signal, info);
  }
  copy_registers(context, user.uc_mcontext);
  settle(context, place, Leaving::in_fault);
  if (signal == SIGSEGV || signal == SIGBUS) take_back_segment(context, place.pc);
  context.pc = is_behind ? place.pc + scan_at(place.pc).length : place.pc;
  state.is_stepping = false;
  state.rest.end();
  if (state.is_recorded) {
    // An asynchronous signal waits for a boundary that the thread never reaches: it goes back to the kernel.
    send_to_itself(state.info);
    set_frame_mask(user, state.mask);
  }
  siginfo_t reported = info;
  // With SIGSEGV and SIGBUS an instruction fetch is never ours here, so the address is the program's; with
  // the others it is the instruction's, which int3 does not tell.
  if (signal != SIGSEGV && signal != SIGBUS) {
    reported.si_addr = is_behind ? nullptr : reinterpret_cast<void*>(context.pc);
  }
  record(context, reported, user);
  context.fault = {user.uc_mcontext.gregs[REG_ERR], user.uc_mcontext.gregs[REG_TRAPNO],
                   user.uc_mcontext.gregs[REG_CR2]};
  leave_to(context, user, isotach_signal_entry);
}

}  // namespace

void master_handler(int signal, siginfo_t* info, void* data) {
  // The kernel leaves the program's alignment check flag on, with which the C library cannot live.
  asm volatile("pushfq; andl $~0x40000, (%%rsp); popfq" ::: "cc", "memory");
  auto& user = *static_cast<ucontext_t*>(data);
  uint64_t gs_base = 0;
  asm("rdgsbase %0" : "=r"(gs_base));
  const EngineEvents& events = dbi::engine().events;
  if (gs_base == 0) {
    if (handle_fault_of_copy(signal, *info, user)) return;
    if (events.tool_fault != nullptr && events.tool_fault(nullptr, *info, user)) return;
    report_crash_outside(signal, *info, user);
  }
  ThreadContext& context = current_context();
  const auto pc = static_cast<uint64_t>(user.uc_mcontext.gregs[REG_RIP]);
  const bool is_synchronous = is_fault_signal(signal) && info->si_code > 0;
  if (is_synchronous) {
    if (handle_own_fault(context, signal, *info, user)) return;
    if (is_in_cache(pc) || (signal == SIGTRAP && is_in_cache(pc - 1))) {
      record_program_fault(context, signal, *info, user);
      return;
    }
    if (events.tool_fault != nullptr && events.tool_fault(&context, *info, user)) return;
    report_crash(context, signal, *info, user);
  }
  if (signal == SIGPIPE && is_own_broken_pipe(*info, user)) return;
  SignalState& state = *context.signals;
  // Sent while another handler runs, perhaps before its first instruction: only these are not blocked then.
  // It comes again when that one is done, which knows where the thread is.
  const auto stack = static_cast<uint64_t>(user.uc_mcontext.gregs[REG_RSP]);
  if (stack - state.stack_low < state.stack_size) {
    set_frame_mask(user, frame_mask(user) | bit(signal));
    send_to_itself(*info);
    return;
  }
  if ((state.blocked_faults & bit(signal)) != 0 && !is_request_to_leave(*info) &&
      !is_request_to_stop(*info)) {
    // Sent by kill(2) while the program blocks it. The way to a boundary needs these signals: until it is
    // reached, it is kept here.
    if (state.is_recorded) {
      state.held[signal] = *info;
      return;
    }
    // Stays pending in the kernel, where sigwait(2) and signalfd(2) find it.
    set_frame_mask(user, frame_mask(user) | bit(signal));
    send_to_itself(*info);
    return;
  }
  if (!state.is_recorded) {
    record(context, *info, user);
  } else if (is_fault_signal(signal)) {
    return;  // sent by kill(2) while another one waits: only these are not blocked then
  } else {
    // One of those came, and was recorded, between the start of this handler and here. This one waits in the
    // kernel, and the mask that counts is that of what was interrupted first.
    state.mask = frame_mask(user) | state.blocked_faults;
    set_frame_mask(user, ~kFaults);
    send_to_itself(*info);
  }
  if (is_between(pc, isotach_system_call_window, isotach_system_call_instruction) ||
      pc == address_of(&isotach_system_call_instruction)) {
    // Not begun, or to be begun again behind the handler.
    user.uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(address_of(&isotach_system_call_interrupted));
    return;
  }
  if (is_between(pc, isotach_enter_begin, isotach_enter_end)) {
    leave_to(context, user, isotach_enter_again);
    return;
  }
  if (is_between(pc, isotach_exit_cache, isotach_enter_begin)) return;
  // In the dispatcher, which looks at `pending` before it enters again.
  if (context.is_dispatching != 0) return;
  step_to_boundary(context, user);
}

}  // namespace isotach::dbi
