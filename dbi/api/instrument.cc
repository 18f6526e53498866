// The instrumenter: shows each trace to the tool before it is translated, and keeps what the tool asks for.
#include "api/instrument.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "api/callbacks.h"
#include "api/code_cache.h"
#include "api/debugger/debugger.h"
#include "api/hooks.h"
#include "engine/instrument/routine_requests.h"

namespace isotach::dbi::api {
namespace {

// Handles of instructions of an open routine start here; a trace has fewer instructions than that.
constexpr int32_t kRoutineBase = 1 << 24;

struct State {
  TracePlan* plan = nullptr;
  TracePlan routine;  // holds only what is decoded of the opened routine
  PlannedInstructions* opened = nullptr;
  // TRACE and INS callbacks in one order, since both are run for each trace.
  struct Instrumenter {
    TRACE_INSTRUMENT_CALLBACK trace = nullptr;
    INS_INSTRUMENT_CALLBACK ins = nullptr;
    CALLBACK_RECORD* record = nullptr;
  };
  std::vector<Instrumenter> instrumenters;
  Callbacks<void (*)()> records;
};

State& state() {
  static State* the_one = new State;  // never destroyed: the program may outlive what exit() destroys
  return *the_one;
}

void sort_calls(TracePlan& plan) {
  for (PlannedInstruction& instruction : plan.instructions) {
    if (instruction.any()) plan.instrumented = true;
    if (instruction.calls.empty()) continue;
    plan.instrumented = true;
    if (instruction.calls.size() == 1) continue;
    std::stable_sort(instruction.calls.begin(), instruction.calls.end(),
                     [](const Call& a, const Call& b) { return a.order < b.order; });
  }
}

}  // namespace

uint32_t next_callback_number() {
  static uint32_t number = 0;
  return ++number;
}

void fail(const std::string& message) {
  std::fflush(stdout);
  std::fprintf(stderr, "isotach pin: the tool did something wrong: %s\n", message.c_str());
  std::fflush(stderr);
  end_process(kToolFailed);
}

TracePlan* current_plan() {
  return state().plan;
}

INS instruction_handle(uint32_t index) {
  const State& s = state();
  if (s.plan == nullptr || index >= s.plan->instructions.size()) return INS();
  return INS(static_cast<INT32>(index + 1));
}

InstructionRef find(INS ins, const char* function) {
  State& s = state();
  const int32_t number = ins.q();
  const bool in_routine = number >= kRoutineBase;
  PlannedInstructions* const list = in_routine ? s.opened : s.plan ? &s.plan->instructions : nullptr;
  const int64_t index = in_routine ? number - kRoutineBase : number - 1;
  if (list == nullptr || index < 0 || index >= static_cast<int64_t>(list->size())) [[unlikely]] {
    fail(std::string(function) + ": this INS is not valid (any more)");
  }
  return {in_routine ? &s.routine : s.plan, &(*list)[static_cast<size_t>(index)],
          static_cast<uint32_t>(index), static_cast<uint32_t>(list->size())};
}

void set_open_routine(PlannedInstructions* instructions) {
  State& s = state();
  if (instructions == nullptr || instructions != s.opened) s.routine.pool->clear();
  s.opened = instructions;
}

INS routine_instruction_handle(uint32_t index) {
  const State& s = state();
  if (s.opened == nullptr || index >= s.opened->size()) return INS();
  return INS(kRoutineBase + static_cast<INT32>(index));
}

void instrument(ThreadContext&, TracePlan& plan) {
  State& s = state();
  plan.pool->clear();
  routine_requests().apply(plan);
  TracePlan* const outer = s.plan;
  s.plan = &plan;
  const auto by_order = [](const State::Instrumenter& a, const State::Instrumenter& b) {
    return a.record->order != b.record->order ? a.record->order < b.record->order
                                              : a.record->number < b.record->number;
  };
  if (!std::is_sorted(s.instrumenters.begin(), s.instrumenters.end(), by_order)) {
    std::stable_sort(s.instrumenters.begin(), s.instrumenters.end(), by_order);
  }
  const size_t count = s.instrumenters.size();
  for (size_t i = 0; i < count; ++i) {
    const State::Instrumenter one = s.instrumenters[i];
    if (one.trace != nullptr) one.trace(TRACE(1), one.record->value);
    if (one.ins == nullptr) continue;
    for (size_t k = 0; k < plan.instructions.size(); ++k) {
      one.ins(INS(static_cast<INT32>(k + 1)), one.record->value);
    }
  }
  insert_breakpoints(plan);
  s.plan = outer;
  sort_calls(plan);
}

void trace_inserted(TracePlan& plan, const Unit& unit) {
  State& s = state();
  TracePlan* const outer = s.plan;
  s.plan = &plan;
  tell_inserted_trace(unit);
  s.plan = outer;
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

PIN_CALLBACK TRACE_AddInstrumentFunction(TRACE_INSTRUMENT_CALLBACK function, VOID* value) {
  State& s = state();
  PIN_CALLBACK record = s.records.add(nullptr, value);
  s.instrumenters.push_back({function, nullptr, record});
  return record;
}

PIN_CALLBACK INS_AddInstrumentFunction(INS_INSTRUMENT_CALLBACK function, VOID* value) {
  State& s = state();
  PIN_CALLBACK record = s.records.add(nullptr, value);
  s.instrumenters.push_back({nullptr, function, record});
  return record;
}

VOID CALLBACK_SetExecutionOrder(PIN_CALLBACK callback, CALL_ORDER order) {
  callback->order = order;
}
CALL_ORDER CALLBACK_GetExecutionOrder(PIN_CALLBACK callback) {
  return static_cast<CALL_ORDER>(callback->order);
}
CALL_ORDER CALLBACK_GetDefaultExecutionOrder() {
  return CALL_ORDER_DEFAULT;
}

// Traces and their basic blocks. There is one trace at a time: TRACE(1). A BBL's number is that of its block,
// from 1.
namespace {

const TracePlan& plan_of(const char* function) {
  const TracePlan* plan = current_plan();
  if (plan == nullptr) fail(std::string(function) + " is called outside of a TRACE or INS callback");
  return *plan;
}

const PlannedBlock& block_of(BBL bbl, const char* function) {
  const TracePlan& plan = plan_of(function);
  if (bbl.q() < 1 || static_cast<size_t>(bbl.q()) > plan.blocks.size()) {
    fail(std::string(function) + ": this BBL is not valid");
  }
  return plan.blocks[static_cast<size_t>(bbl.q() - 1)];
}

uint64_t end_of(const TracePlan& plan, const PlannedBlock& block) {
  const PlannedInstruction& last = plan.instructions[block.first + block.count - 1];
  return last.address + last.scan.length;
}

bool goes_on(const PlannedInstruction& one) {
  switch (one.scan.flow) {
    case Flow::next:
    case Flow::jump_if:
    case Flow::jump_if_count:
    case Flow::system_call:
    case Flow::emulate:
    case Flow::trap:
      return true;
    default:
      return false;
  }
}

}  // namespace

ADDRINT TRACE_Address(TRACE) {
  return plan_of("TRACE_Address").address;
}
USIZE TRACE_Size(TRACE) {
  const TracePlan& plan = plan_of("TRACE_Size");
  USIZE size = 0;
  for (const PlannedInstruction& one : plan.instructions) size += one.scan.length;
  return size;
}
UINT32 TRACE_NumBbl(TRACE) {
  return static_cast<UINT32>(plan_of("TRACE_NumBbl").blocks.size());
}
UINT32 TRACE_NumIns(TRACE) {
  return static_cast<UINT32>(plan_of("TRACE_NumIns").instructions.size());
}
BOOL TRACE_Original(TRACE) {
  return TRUE;
}
BOOL TRACE_HasFallThrough(TRACE) {
  return goes_on(plan_of("TRACE_HasFallThrough").instructions.back());
}
BBL TRACE_BblHead(TRACE) {
  return plan_of("TRACE_BblHead").blocks.empty() ? BBL() : BBL(1);
}
BBL TRACE_BblTail(TRACE) {
  return BBL(static_cast<INT32>(plan_of("TRACE_BblTail").blocks.size()));
}
RTN TRACE_Rtn(TRACE) {
  return RTN_FindByAddress(plan_of("TRACE_Rtn").address);
}
ADDRINT BBL_Address(BBL bbl) {
  return plan_of("BBL_Address").instructions[block_of(bbl, "BBL_Address").first].address;
}
USIZE BBL_Size(BBL bbl) {
  const TracePlan& plan = plan_of("BBL_Size");
  const PlannedBlock& block = block_of(bbl, "BBL_Size");
  return end_of(plan, block) - plan.instructions[block.first].address;
}
UINT32 BBL_NumIns(BBL bbl) {
  return block_of(bbl, "BBL_NumIns").count;
}
INS BBL_InsHead(BBL bbl) {
  return INS(static_cast<INT32>(block_of(bbl, "BBL_InsHead").first + 1));
}
INS BBL_InsTail(BBL bbl) {
  const PlannedBlock& block = block_of(bbl, "BBL_InsTail");
  return INS(static_cast<INT32>(block.first + block.count));
}
BBL BBL_Next(BBL bbl) {
  block_of(bbl, "BBL_Next");
  return static_cast<size_t>(bbl.q()) < plan_of("BBL_Next").blocks.size() ? BBL(bbl.q() + 1) : BBL();
}
BBL BBL_Prev(BBL bbl) {
  block_of(bbl, "BBL_Prev");
  return BBL(bbl.q() - 1);
}
BOOL BBL_Original(BBL) {
  return TRUE;
}
BOOL BBL_HasFallThrough(BBL bbl) {
  const PlannedBlock& block = block_of(bbl, "BBL_HasFallThrough");
  return goes_on(plan_of("BBL_HasFallThrough").instructions[block.first + block.count - 1]);
}

INS INS_Next(INS ins) {
  const InstructionRef at = find(ins, "INS_Next");
  if (at.index + 1 >= at.count) return INS();
  // In a trace the list ends with the basic block.
  for (const PlannedBlock& block : at.plan->blocks) {
    if (at.index + 1 == block.first + block.count) return INS();
  }
  return INS(ins.q() + 1);
}
INS INS_Prev(INS ins) {
  const InstructionRef at = find(ins, "INS_Prev");
  if (at.index == 0) return INS();
  for (const PlannedBlock& block : at.plan->blocks) {
    if (at.index == block.first) return INS();
  }
  return INS(ins.q() - 1);
}

}  // namespace LEVEL_BASE
