#include "engine/dispatch/single_step.h"

#include <signal.h>

#include <cstring>

#include "engine/decode/scan.h"
#include "engine/dispatch/context.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/signals.h"

namespace isotach::dbi {
namespace {

using Kind = OwnStep::Kind;

// What has to be known of it once it is executed; its bytes may be others by then.
Kind kind_of(const uint8_t* bytes, const Scan& scan) {
  if (scan.map != 0 || scan.vector_prefix) return Kind::plain;
  if (scan.opcode == 0x9c) return Kind::pushes_flags;
  if (scan.opcode == 0x8e && (bytes[scan.modrm_offset] >> 3 & 7) == 2) return Kind::loads_stack_segment;
  if (!scan.is_rep_string) return Kind::plain;
  const bool compares = (scan.opcode & 0xfe) == 0xa6 || (scan.opcode & 0xfe) == 0xae;
  if (!compares) return Kind::repeats;
  uint8_t repeat = 0;
  for (unsigned i = 0; i < scan.prefix_length; ++i) {
    if (bytes[i] == 0xf2 || bytes[i] == 0xf3) repeat = bytes[i];
  }
  return repeat == 0xf3 ? Kind::repeats_while_equal : Kind::repeats_while_different;
}

bool is_repeated(Kind kind) {
  return kind == Kind::repeats || kind == Kind::repeats_while_equal || kind == Kind::repeats_while_different;
}

// Another iteration follows.
bool goes_on(const ThreadContext& context) {
  const bool is_equal = (context.flags & kZero) != 0;
  if (context.step.held_iterations == 0) return false;
  if (context.step.kind == Kind::repeats_while_equal) return is_equal;
  if (context.step.kind == Kind::repeats_while_different) return !is_equal;
  return true;
}

// What pushf has pushed comes from the processor.
void show_pushed_trap_flag(const ThreadContext& context) {
  auto* second_byte = reinterpret_cast<uint8_t*>(context.registers[rsp] + 1);
  uint8_t value = 0;
  if (!isotach_safe_copy(&value, second_byte, 1)) return;
  value = static_cast<uint8_t>(value | kTrapFlag >> 8);
  isotach_safe_copy(second_byte, &value, 1);
}

}  // namespace

uint64_t flags_with_trap(const ThreadContext& context) {
  return (context.flags & ~kTrapFlag) | (context.step.is_wanted ? kTrapFlag : 0);
}

void set_trap_flag(ThreadContext& context, uint64_t flags) {
  context.step.is_wanted = (flags & kTrapFlag) != 0;
}

bool is_single(const ThreadContext& context) {
  return context.step.is_wanted;
}

Unit* begin_step(Engine& engine, ThreadContext& context) {
  OwnStep& step = context.step;
  Unit* unit = engine.translator.translate_step(context, context.pc);
  if (unit == nullptr) return nullptr;
  uint8_t bytes[16] = {};
  const uint64_t length = unit->pc_end - unit->pc;
  std::memcpy(bytes, reinterpret_cast<const void*>(context.pc), length);
  const Scan scan = scan_instruction(bytes, length, context.pc);
  step.is_inside = true;
  step.traps = step.is_wanted;
  step.pc = context.pc;
  step.kind = kind_of(bytes, scan);
  uint64_t& count = context.registers[rcx];
  const uint64_t iterations = scan.address32 ? static_cast<uint32_t>(count) : count;
  if (is_repeated(step.kind) && iterations > 1) {
    step.held_iterations = iterations - 1;
    count = 1;
  }
  return unit;
}

void leave_step(ThreadContext& context) {
  context.step.is_inside = false;
  context.registers[rcx] += context.step.held_iterations;
  context.step.held_iterations = 0;
}

void end_step(ThreadContext& context, bool by_system_call) {
  const Kind kind = context.step.kind;
  if (goes_on(context)) context.pc = context.step.pc;
  leave_step(context);
  if (!context.step.traps) return;
  if (kind == Kind::pushes_flags) show_pushed_trap_flag(context);
  if (by_system_call || kind == Kind::loads_stack_segment) return;
  raise_fault(context, SIGTRAP, TRAP_TRACE, context.pc);
}

}  // namespace isotach::dbi
