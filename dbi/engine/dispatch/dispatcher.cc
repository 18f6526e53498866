// What happens between two runs in the code cache.
#include <sys/auxv.h>
#include <sys/syscall.h>

#include <algorithm>
#include <new>

#include "engine/dispatch/emulate.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/nested.h"
#include "engine/dispatch/signals.h"
#include "engine/dispatch/single_step.h"
#include "engine/dispatch/stop_threads.h"
#include "engine/dispatch/system_calls.h"
#include "engine/instrument/counters.h"
#include "engine/os/raw_syscall.h"
#include "engine/os/stop.h"

extern "C" [[noreturn]] void isotach_enter_cache(isotach::dbi::ThreadContext* context);

namespace isotach::dbi {
namespace {

alignas(Engine) unsigned char engine_memory[sizeof(Engine)];

uint64_t oldest_epoch(Engine& engine) {
  uint64_t oldest = kOutside;
  Locked locked(engine.threads_lock);
  for (const ThreadContext* thread = engine.threads; thread != nullptr; thread = thread->next) {
    for (const uint64_t* at : {&thread->epoch, &thread->outer_epoch}) {
      oldest = std::min(oldest, __atomic_load_n(at, __ATOMIC_ACQUIRE));
    }
  }
  return oldest;
}

// With the lock held.
void make_room(Engine& engine) {
  if (!engine.cache.is_full()) return;
  ++engine.full_flushes;
  engine.cache.flush_all();
  engine.cache.reclaim(oldest_epoch(engine));
  if (engine.events.cache_flushed != nullptr) engine.events.cache_flushed();
}

// With the lock held.
Unit* translate(Engine& engine, ThreadContext& context, uint64_t pc, bool indirect = false,
                bool loop = false) {
  make_room(engine);
  return engine.translator.translate(context, pc, indirect, loop);
}

// With the lock held: the epoch is set before anyone can flush what the thread is about to enter.
void enter(Engine& engine, ThreadContext& context, const Unit& unit) {
  if (context.counts_apart && !counters_are_split()) {
    context.counts_apart = false;
    settle_counters(context);
  }
  context.resume = reinterpret_cast<uint64_t>(unit.code);
  __atomic_store_n(&context.epoch, engine.cache.epoch(), __ATOMIC_RELEASE);
}

// With the lock held: whether the jump of this exit, which goes to `target`, goes back to no far code, as
// loops do.
bool is_backward(Engine& engine, uint32_t number, uint64_t target) {
  constexpr uint64_t kFar = 4096;
  const Exit& exit = engine.cache.exit(number);
  // Since this thread left the cache, the exit may have been freed, and made again for another jump.
  if (exit.kind != Exit::Kind::link || exit.target != target || exit.from == nullptr) return false;
  const Unit& from = *exit.from;
  if (target >= from.pc_end || target + kFar < from.pc) return false;
  const auto jump = static_cast<uint16_t>(exit.displacement - 1 - from.code);
  return target <= from.pc + place_in(from, jump).pc_offset;
}

void follow_link(Engine& engine, ThreadContext& context, uint32_t number, uint64_t target) {
  context.pc = target;
  {
    Locked locked(engine.lock);
    const bool loop = is_backward(engine, number, target);
    if (Unit* unit = translate(engine, context, context.pc, false, loop)) {
      // As in is_backward().
      Exit& exit = engine.cache.exit(number);
      if (exit.target == context.pc && (exit.kind == Exit::Kind::link || exit.kind == Exit::Kind::prologue)) {
        engine.cache.link(exit, *unit);
      }
      enter(engine, context, *unit);
      return;
    }
  }
  fault_at_pc(context);
}

// The thread has branched to what is no address, and the program handles the fault: back to before the
// branch. With the lock held. False: it is not known where that was.
bool go_back_to_branch(Engine& engine, ThreadContext& context) {
  if (!engine.cache.notes_branches()) return false;
  const Unit& from = engine.cache.unit(static_cast<uint32_t>(context.branched_from));
  if (from.map_count == 0) return false;
  const uint64_t pc = from.pc + from.map[from.map_count - 1].pc_offset;
  const Scan scan = scan_at(pc);
  if (scan.flow == Flow::return_near) context.registers[rsp] -= 8u + scan.immediate16;
  if (scan.flow == Flow::call_indirect) context.registers[rsp] += 8;
  context.pc = pc;
  return true;
}

void follow_indirect(Engine& engine, ThreadContext& context) {
  ++engine.indirect_misses;
  context.pc = context.target;
  if (end_nested_run(context)) return;
  if (!is_canonical(context.target)) {
    Locked locked(engine.lock);
    if (!context.signals->is_recorded && go_back_to_branch(engine, context)) {
      raise_general_protection(context);
      return;
    }
  }
  {
    Locked locked(engine.lock);
    if (Unit* unit = translate(engine, context, context.pc, true)) {
      enter(engine, context, *unit);
      return;
    }
  }
  fault_at_pc(context);
}

// The unit of one instruction has been left: see single_step.h.
void dispatch_step(ThreadContext& context, uint32_t number, const Exit& exit) {
  bool is_done = true, by_system_call = false;
  const bool is_indirect = number == kExitIndirect || exit.kind == Exit::Kind::indirect;
  if (is_indirect && !is_canonical(context.target)) {
    leave_step(context);
    follow_indirect(engine(), context);
    return;
  } else if (is_indirect) {
    context.pc = context.target;
  } else if (number == kExitStart) {
    is_done = false;
  } else if (exit.kind == Exit::Kind::system_call) {
    context.pc = exit.target;
    program_system_call(context, exit.length);
    by_system_call = true;
    is_done = context.pc != exit.target;
  } else if (exit.kind == Exit::Kind::emulate) {
    context.pc = exit.target;
    is_done = emulate_instruction(context, exit.length);
  } else {
    context.pc = exit.target;
    is_done = exit.kind == Exit::Kind::link;
    if (exit.kind == Exit::Kind::changed) flush_code(exit.target, exit.target + 1);
  }
  if (is_done) end_step(context, by_system_call);
  resume_at_pc(context);
}

}  // namespace

Engine& engine() {
  return *std::launder(reinterpret_cast<Engine*>(engine_memory));
}

Engine& make_engine(const EngineOptions& options) {
  return *new (engine_memory) Engine(options);
}

void resume_at_pc(ThreadContext& context) {
  leave_step(context);
  if (end_nested_run(context)) return;
  Engine& engine = dbi::engine();
  {
    Locked locked(engine.lock);
    Unit* unit;
    if (is_single(context)) {
      make_room(engine);
      unit = begin_step(engine, context);
    } else if (is_at_original(context)) {
      make_room(engine);
      unit = engine.translator.translate_original(context, context.pc);
    } else {
      unit = translate(engine, context, context.pc);
    }
    if (unit != nullptr) {
      enter(engine, context, *unit);
      return;
    }
  }
  fault_at_pc(context);
}

void tell_process_end(ThreadContext& context, int32_t code) {
  const EngineEvents& events = dbi::engine().events;
  if (events.process_ending != nullptr) events.process_ending(context, code);
  if (events.process_ended != nullptr) events.process_ended(context);
}

void make_counters_whole() {
  Engine& engine = dbi::engine();
  const bool is_ours = engine.lock.is_mine();
  if (!is_ours) engine.lock.lock();
  if (stop_splitting_counters()) {
    settle_all_counters();
    engine.cache.flush_all();
  }
  if (!is_ours) engine.lock.unlock();
}

void note_branches() {
  Engine& engine = dbi::engine();
  Locked locked(engine.lock);
  if (engine.cache.notes_branches()) return;
  engine.cache.note_branches();
  engine.cache.flush_all();
}

void flush_code(uint64_t begin, uint64_t end) {
  Engine& engine = dbi::engine();
  Locked locked(engine.lock);
  engine.memory.forget(begin, end);
  engine.cache.flush(begin, end);
}

void run_program(ThreadContext& context) {
  context.exit = kExitStart;
  wait_while_stopped(context);
  resume_at_pc(context);
  isotach_enter_cache(&context);
}

}  // namespace isotach::dbi

// Called by isotach_exit_cache on the host stack, with the program's registers in the context.
extern "C" void isotach_dispatch(isotach::dbi::ThreadContext* context) {
  using namespace isotach::dbi;
  Engine& engine = isotach::dbi::engine();
  const auto number = static_cast<uint32_t>(context->exit);
  const Exit exit = engine.cache.exit(number);
  __atomic_store_n(&context->epoch, kOutside, __ATOMIC_RELEASE);
  ++engine.dispatches;
  if (number != kExitStart) context->version = exit.version;  // 0 for kExitIndirect
  if (context->step.is_inside) {
    dispatch_step(*context, number, exit);
    return;
  }
  if (number == kExitIndirect) {
    follow_indirect(engine, *context);
    return;
  }
  if (number == kExitStart) {
    resume_at_pc(*context);
    return;
  }
  switch (exit.kind) {
    case Exit::Kind::link:
    case Exit::Kind::prologue:
      follow_link(engine, *context, number, exit.target);
      return;
    case Exit::Kind::indirect:
      follow_indirect(engine, *context);
      return;
    case Exit::Kind::system_call:
      ++engine.system_calls;
      context->pc = exit.target;
      program_system_call(*context, exit.length);
      resume_at_pc(*context);
      return;
    case Exit::Kind::changed:
      context->pc = exit.target;
      {
        Locked locked(engine.lock);
        engine.cache.flush(exit.target, exit.target + 1);
      }
      resume_at_pc(*context);
      return;
    case Exit::Kind::emulate:
      context->pc = exit.target;
      emulate_instruction(*context, exit.length);
      resume_at_pc(*context);
      return;
    default:
      stop("translated code left by a way that does not exist", number);
  }
}
