#include "engine/dispatch/nested.h"

#include <immintrin.h>

#include <cstring>

#include "engine/dispatch/engine.h"
#include "engine/dispatch/signals.h"

extern "C" {
// Runs the program from the context on; returns when isotach_leave_nested() is called with what is stored at
// `stack`.
void isotach_enter_nested(isotach::dbi::ThreadContext* context, uint64_t* stack);
[[noreturn]] void isotach_leave_nested(uint64_t stack);
void isotach_nested_end();
}

namespace isotach::dbi {

// One run; they form a stack.
struct NestedRun {
  NestedRun* outer;
  uint64_t stack;     // the engine's, where it is left
  uint64_t host_rsp;  // of the code around it
  uint64_t program_rsp;
  uint64_t original;  // the function, when it is to run without its replacement
  uint64_t epoch;
  uint32_t was_dispatching;
};

namespace {

constexpr uint64_t kRedZone = 128;

// The fields that emitted code and the program use between the call of an analysis routine and its return.
struct Kept {
  uint64_t registers[16], flags, pc, exit, target, slots[8], resume, call_rsp;
  uint32_t mxcsr;
  uint8_t vectors[16][16], x87[512];
  uint64_t addresses[8], taken, executing, call_flags, first_repetition, argument_copies[16];
  OwnStep step;
  uint16_t version;
};

template <class To, class From>
void copy_kept(To& to, const From& from) {
  std::memcpy(to.registers, from.registers, sizeof to.registers);
  to.flags = from.flags;
  to.pc = from.pc;
  to.exit = from.exit;
  to.target = from.target;
  std::memcpy(to.slots, from.slots, sizeof to.slots);
  to.resume = from.resume;
  to.call_rsp = from.call_rsp;
  to.mxcsr = from.mxcsr;
  std::memcpy(to.vectors, from.vectors, sizeof to.vectors);
  std::memcpy(to.x87, from.x87, sizeof to.x87);
  std::memcpy(to.addresses, from.addresses, sizeof to.addresses);
  to.taken = from.taken;
  to.executing = from.executing;
  to.call_flags = from.call_flags;
  to.first_repetition = from.first_repetition;
  std::memcpy(to.argument_copies, from.argument_copies, sizeof to.argument_copies);
  to.step = from.step;
  to.version = from.version;
}

// What lies in the upper parts of the vector registers, which the engine never moves by itself.
struct alignas(64) VectorState {
  static constexpr uint64_t kParts = 0xe4;  // AVX, AVX-512: XCR0's bits
  uint8_t area[4096] = {};

  __attribute__((target("xsave"))) void save() {
    if (__builtin_cpu_supports("avx")) _xsave64(area, kParts);
  }
  __attribute__((target("xsave"))) void restore() {
    if (__builtin_cpu_supports("avx")) _xrstor64(area, kParts);
  }
};

uint64_t end_address() {
  return reinterpret_cast<uint64_t>(&isotach_nested_end);
}

void prepare(ThreadContext& context, const ProgramCall& call) {
  static constexpr Register kIntegers[6] = {rdi, rsi, rdx, rcx, r8, r9};
  for (unsigned i = 0; i < 6; ++i) context.registers[kIntegers[i]] = call.integers[i];
  for (unsigned i = 0; i < 8; ++i) std::memcpy(context.vectors[i], &call.floats[i], sizeof(double));
  context.registers[rax] = call.float_count;
  uint64_t stack = (context.registers[rsp] - kRedZone - call.stack_count * 8) & ~uint64_t{15};
  if (call.stack_count != 0) {
    isotach_safe_copy(reinterpret_cast<void*>(stack), call.on_stack, call.stack_count * 8);
  }
  stack -= 8;
  const uint64_t end = end_address();
  isotach_safe_copy(reinterpret_cast<void*>(stack), &end, sizeof end);
  context.registers[rsp] = stack;
  context.flags &= ~uint64_t{0x400};  // the direction flag is off at a function's entry
  context.pc = call.function;
  context.version = 0;
  context.step = {};
}

void take_results(const ThreadContext& context, ProgramCall& call) {
  call.results[0] = context.registers[rax];
  call.results[1] = context.registers[rdx];
  std::memcpy(&call.float_results[0], context.vectors[0], sizeof(double));
  std::memcpy(&call.float_results[1], context.vectors[1], sizeof(double));
}

}  // namespace

void call_program(ThreadContext& context, ProgramCall& call) {
  Kept kept;
  copy_kept(kept, context);
  VectorState vectors;
  vectors.save();
  NestedRun run{
      context.nested,        0, context.host_rsp, 0, call.original ? call.function : 0, context.epoch,
      context.is_dispatching};
  context.is_dispatching = 1;
  prepare(context, call);
  run.program_rsp = context.registers[rsp] + 8;
  // Code that the outer runs return to stays until they have.
  if (context.nested == nullptr) __atomic_store_n(&context.outer_epoch, context.epoch, __ATOMIC_RELEASE);
  context.nested = &run;
  resume_at_pc(context);
  isotach_enter_nested(&context, &run.stack);
  take_results(context, call);
  vectors.restore();
  context.nested = run.outer;
  context.host_rsp = run.host_rsp;
  copy_kept(context, kept);
  __atomic_store_n(&context.epoch, run.epoch, __ATOMIC_RELEASE);
  if (context.nested == nullptr) __atomic_store_n(&context.outer_epoch, kOutside, __ATOMIC_RELEASE);
  if (run.was_dispatching != 0) return;
  __atomic_store_n(&context.is_dispatching, 0, __ATOMIC_RELEASE);
  // A signal that was recorded just now is delivered behind the analysis routine; one that comes from here on
  // sees to that itself.
  if (__atomic_load_n(&context.pending, __ATOMIC_ACQUIRE) != 0) intercept_analysis_return(context);
}

// At its first instruction, also where a signal came there.
bool is_at_original(const ThreadContext& context) {
  return context.nested != nullptr && context.nested->original == context.pc &&
         context.registers[rsp] == context.nested->program_rsp - 8;
}

bool end_nested_run(ThreadContext& context) {
  // With another rsp it is not what we called that returns: the program's own fault.
  if (context.nested == nullptr || context.pc != end_address() ||
      context.registers[rsp] != context.nested->program_rsp) {
    return false;
  }
  // A signal that waits is delivered first: its handler returns to here.
  if (__atomic_load_n(&context.pending, __ATOMIC_ACQUIRE) == 0) isotach_leave_nested(context.nested->stack);
  return true;
}

}  // namespace isotach::dbi
