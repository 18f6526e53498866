// What the API's files share: the plan that tools are looking at, calls that wait for an address, and how a
// list of IARG_ values becomes a Call.
//
// Thread rules: everything here runs with the translation lock held, but for fail().
#pragma once

#include <cstdarg>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/decode/full_instruction.h"
#include "engine/instrument/plan.h"
#include "pin.H"

namespace isotach::dbi {
struct Unit;
}

namespace isotach::dbi::api {

// An instruction that an INS stands for.
struct InstructionRef {
  TracePlan* plan = nullptr;
  PlannedInstruction* instruction = nullptr;
  uint32_t index = 0;  // within the plan or the opened routine
  uint32_t count = 0;  // of its instructions

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

// The instructions between RTN_Open and RTN_Close, which find() then knows, by handles of their own; null:
// none any more. One list at a time.
void set_open_routine(PlannedInstructions* instructions);
INS routine_instruction_handle(uint32_t index);  // invalid behind the last

// Reads IARG_ values up to IARG_END. `at`: the instruction they are about; null at a routine's entry or exit,
// where there are no memory operands.
Call make_call(IPOINT place, AFUNPTR function, va_list& list, const InstructionRef* at, const char* name);

// The same for a trace buffer's record: each value is followed by its offset.
Call make_record(IPOINT place, va_list& list, const InstructionRef* at, const char* name);

// Where a register lies for a Call: number, bytes, and whether it is a high byte. False: cannot be passed.
bool place_of(REG reg, Argument& argument);
REG reg_of(ZydisRegister reg);
ZydisRegister zydis_of(REG reg);

// Gives the thread the registers of a saved CONTEXT.
void load_context(ThreadContext& own, const CONTEXT* context);

// The engine's side: `plan` is about to be translated.
void instrument(ThreadContext& context, TracePlan& plan);
// It has been, into this unit.
void trace_inserted(TracePlan& plan, const Unit& unit);

}  // namespace isotach::dbi::api
