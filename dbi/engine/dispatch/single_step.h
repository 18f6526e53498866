// The program's own trap flag: SIGTRAP behind each instruction, as the processor and the kernel have it.
//
// The flag is never set in the processor while the program runs in the cache; it is ThreadContext::step's. As
// long as it is set, each instruction is a unit of its own, which goes back to the dispatcher. popf finds the
// flag in what it is about to load, and is carried out by the engine then (emulate.cc); the return from a
// signal handler and iretq set it as well. As natively there is no trap behind a system call and behind a
// load of the stack segment, and one behind each iteration of a repeated string instruction.
//
// An instruction that has written to code, which the engine guards, is executed alone as well when a tool has
// been called before it: it must not be called twice.
//
// Source: Intel SDM volume 3, 18.3.1.4 "Single-Step Exception Condition". Thread rules: the calling thread's.
#pragma once

#include <cstdint>

namespace isotach::dbi {

struct ThreadContext;
struct Exit;
struct Unit;
class Engine;

inline constexpr uint64_t kTrapFlag = 0x100;

// The flags register as the program has it.
uint64_t flags_with_trap(const ThreadContext& context);
// The program loads its flags register with `flags`, of which the others are in place already.
void set_trap_flag(ThreadContext& context, uint64_t flags);

// Whether the instruction at context.pc is to be executed alone.
bool is_single(const ThreadContext& context);
// The unit of the instruction at context.pc alone; nullptr when it cannot be executed. With the lock held.
Unit* begin_step(Engine& engine, ThreadContext& context);
// The thread is outside of that unit, and its instruction has not been executed to its end: it begins again,
// or has faulted. Does nothing when there is no such unit.
void leave_step(ThreadContext& context);
// The same, but it has, and the program stands at context.pc: a trap is to be delivered.
void end_step(ThreadContext& context, bool by_system_call);

}  // namespace isotach::dbi
