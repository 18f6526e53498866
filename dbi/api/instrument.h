// What the API's files share: the plan that tools are looking at, calls that wait for an address, and how a
// list of IARG_ values becomes a Call.
//
// Thread rules: everything here runs with the translation lock held, but for fail().
#pragma once

#include <cstdarg>
#include <cstdint>
#include <string>

#include "engine/decode/full_instruction.h"
#include "engine/instrument/plan.h"
#include "pin.H"

namespace isotach::dbi::api {

// An instruction that an INS stands for.
struct InstructionRef {
  TracePlan* plan = nullptr;
  PlannedInstruction* instruction = nullptr;
  uint32_t index = 0;  // within the plan

  [[nodiscard]] const FullInstruction& full() const { return dbi::full(decoded(*plan, *instruction)); }
};

// A tool did what cannot be done: says so, and ends the process with the engine's exit code.
[[noreturn]] void fail(const std::string& message);

// The instruction of `ins`; a wrong handle is a fatal error, which names `function`.
InstructionRef find(INS ins, const char* function);

// The plan that is being instrumented; null outside of the callbacks.
TracePlan* current_plan();
// Handle of its n-th instruction; invalid behind its last.
INS instruction_handle(uint32_t index);

// RTN_Open: decodes the routine's instructions so that find() knows them. Returns the head, or the invalid
// one. The others follow it by INS_Next.
INS open_routine(uint64_t address, uint64_t size);
INS routine_tail();
// RTN_Close: what was inserted at them waits for the traces that hold them.
void close_routine();

// A call at the instruction at `address`, whenever it is translated; what is translated already is forgotten.
// In a trace it comes before what the trace's own callbacks insert.
void add_call_at(uint64_t address, Call call);
void forget_calls(uint64_t low, uint64_t high);  // the image there is unloaded

// Reads IARG_ values up to IARG_END. `at`: the instruction they are about; null at a routine's entry or exit,
// where there are no memory operands.
Call make_call(IPOINT place, AFUNPTR function, va_list& list, const InstructionRef* at, const char* name);

// The same for a trace buffer's record: each value is followed by its offset.
Call make_record(IPOINT place, va_list& list, const InstructionRef* at, const char* name);

// Where a register lies for a Call: number, bytes, and whether it is a high byte. False: cannot be passed.
bool place_of(REG reg, Argument& argument);
REG reg_of(ZydisRegister reg);
ZydisRegister zydis_of(REG reg);

// The engine's side: `plan` is about to be translated.
void instrument(ThreadContext& context, TracePlan& plan);

}  // namespace isotach::dbi::api
