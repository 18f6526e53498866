// What a tool asked to be done at each instruction of a trace that is about to be translated: plain data
// between the API, which fills it in, and the emitter, which turns it into code.
//
// A trace is as Pin defines it: it is entered at the top only, goes on behind conditional branches that are
// not taken, and ends at the first unconditional transfer of control, or at a limit. Its parts are basic
// blocks.
//
// Thread rules: a plan belongs to the thread that translates; the translation lock is held.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/decode/scan.h"

namespace isotach::dbi {

struct ThreadContext;

// Where the value of one argument of an analysis routine comes from.
enum class ArgumentKind : uint8_t {
  constant,  // value: IARG_ADDRINT, IARG_PTR, IARG_UINT32, IARG_BOOL, IARG_INST_PTR, IARG_THREAD_ID is not
             // one
  register_value,      // value: machine register number, see registers.h
  register_reference,  // address of a copy that is written back
  memory_address,      // value: index of the memory operand, as instruction.h counts them
  memory_size,         // value: index; a constant unless the instruction is xsave and the like
  thread_id,           // dense number of the thread
  thread_context,      // ThreadContext*
  context,        // Context of the program that may be read and, with value = 1, PIN_ExecuteAt'ed or written
  branch_taken,   // 0 or 1
  branch_target,  // address where the transfer goes if taken
  fall_through,   // address behind the instruction
  rep_count,      // REP instructions: value of rcx as iterations left
  first_repetition,   // 1 at the first iteration of a REP instruction
  executing,          // 0 when predicated off
  return_address,     // what [rsp] holds at routine entry
  function_argument,  // value: n-th integer argument at routine entry
  function_argument_reference,
  function_result,  // rax
  function_result_reference,
  system_call_number,
  system_call_argument,
  system_call_argument_reference,
  system_call_result,
  system_call_errno,
  time_stamp,         // rdtsc
  original_function,  // address that calls what RTN_Replace replaced
  multi_address,      // gather and scatter: pointer to a list of addresses and sizes
  prototype_end
};

struct Argument {
  ArgumentKind kind = ArgumentKind::constant;
  uint8_t size = 8;  // bytes that the routine's parameter has
  uint64_t value = 0;
};

enum class Place : uint8_t { before, after, taken_branch, anywhere };

struct Call {
  enum class Step : uint8_t {
    plain,
    condition,  // INS_InsertIfCall: its result decides whether the next `then` is called
    then,
    buffer,  // INS_InsertFillBuffer: `arguments` are stored as a record of buffer `buffer`
    version_case,
  };
  uint64_t routine = 0;  // address of the analysis routine
  std::vector<Argument> arguments;
  Place place = Place::before;
  Step step = Step::plain;
  bool predicated = false;  // only where the instruction's condition (cmov, rep with count 0) holds
  bool fast_linkage = false;
  bool returns_value = false;  // IARG_RETURN_REGS: into `return_register`
  uint16_t return_register = 0;
  int32_t order = 0;  // IARG_CALL_ORDER: lower is earlier; equal: as inserted
  uint32_t buffer = 0;
};

struct PlannedInstruction {
  uint64_t address = 0;
  Scan scan;
  const uint8_t* bytes =
      nullptr;              // where they can be read while the trace is translated: not always `address`
  std::vector<Call> calls;  // in the order in which they were inserted
  bool removed = false;     // INS_Delete
  // INS_InsertDirectJump, INS_InsertIndirectJump: goes there instead (after the instruction's before calls).
  bool redirected = false;
  uint64_t redirect_target = 0;
  int16_t redirect_register = -1;
  void* decoded =
      nullptr;  // DecodedInstruction of the API, made when a tool asks; owned by the translation's arena
};

struct PlannedBlock {
  uint32_t first = 0, count = 0;  // instructions of the trace
};

struct TracePlan {
  uint64_t address = 0;
  uint32_t version = 0;  // TRACE_Version
  std::vector<PlannedInstruction> instructions;
  std::vector<PlannedBlock> blocks;
  bool instrumented = false;  // some instruction has calls, is removed or redirected
};

// What the emitter calls between decoding and emitting when a tool is loaded. Set once, before the program
// runs.
using Instrumenter = void (*)(ThreadContext&, TracePlan&);

}  // namespace isotach::dbi
