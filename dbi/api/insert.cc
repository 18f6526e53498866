// Calls at instructions, basic blocks and traces.
#include "api/instrument.h"

namespace isotach::dbi::api {
namespace {

struct Wish {
  const char* name;
  Call::Step step = Call::Step::plain;
  bool predicated = false;
};

bool may_be_predicated_off(const InstructionRef& at) {
  const Scan& scan = at.instruction->scan;
  if (scan.is_rep_string) return true;
  if (scan.map == 1 && !scan.vector_prefix && scan.opcode >= 0x40 && scan.opcode < 0x50) return true;  // cmov
  if (scan.vector_prefix && at.full().memory_count != 0 && at.full().memory[0].index_is_vector) return true;
  return (scan.opcode == 0xda || scan.opcode == 0xdb) && scan.map == 0 && scan.flags_read != 0;  // fcmov
}

void insert(INS ins, IPOINT place, AFUNPTR function, va_list& list, const Wish& wish) {
  const InstructionRef at = find(ins, wish.name);
  Call call = make_call(place, function, list, &at, wish.name);
  call.step = wish.step;
  call.predicated = wish.predicated && may_be_predicated_off(at);
  if (call.place == Place::after && at.instruction->scan.flow == Flow::system_call) {
    fail(std::string(wish.name) +
         ": nothing can be called right behind a system call; PIN_AddSyscallExitFunction is "
         "told of its end");
  }
  if (call.place == Place::after && !INS_IsValidForIpointAfter(ins)) {
    fail(std::string(wish.name) + ": IPOINT_AFTER needs an instruction that goes on behind itself, not " +
         disassemble(at.full(), false));
  }
  if (call.place == Place::taken_branch && !INS_IsValidForIpointTakenBranch(ins)) {
    fail(std::string(wish.name) + ": IPOINT_TAKEN_BRANCH needs a branch, not " +
         disassemble(at.full(), false));
  }
  auto& calls = at.instruction->calls;
  if (wish.step == Call::Step::then) {
    // It belongs to the condition before it, wherever that one is sorted to.
    for (auto it = calls.rbegin(); it != calls.rend(); ++it) {
      if (it->step != Call::Step::condition || it->place != call.place) continue;
      call.order = it->order;
      calls.push_back(std::move(call));
      return;
    }
    fail(std::string(wish.name) + ": there is no If call before it at this place");
  }
  calls.push_back(std::move(call));
}

void insert_buffer(INS ins, IPOINT place, BUFFER_ID buffer, va_list& list, Wish wish) {
  const InstructionRef at = find(ins, wish.name);
  Call call = make_record(place, list, &at, wish.name);
  if (buffer == BUFFER_ID_INVALID) fail(std::string(wish.name) + ": there is no such buffer");
  call.buffer = buffer - 1;
  call.step = Call::Step::buffer;
  call.predicated = wish.predicated && may_be_predicated_off(at);
  auto& calls = at.instruction->calls;
  if (wish.step == Call::Step::then) {
    call.after_condition = true;
    for (auto it = calls.rbegin(); it != calls.rend(); ++it) {
      if (it->step == Call::Step::condition && it->place == call.place) {
        call.order = it->order;
        calls.push_back(std::move(call));
        return;
      }
    }
    fail(std::string(wish.name) + ": there is no If call before it at this place");
  }
  calls.push_back(std::move(call));
}

// Behind an instruction that goes elsewhere the jump is only reached when that is deleted, as tools that
// emulate calls do.
void check_place_of_jump(INS ins, IPOINT place, const char* name) {
  if (place == IPOINT_BEFORE) return;
  if (place == IPOINT_AFTER && (INS_IsValidForIpointAfter(ins) || INS_IsControlFlow(ins))) return;
  fail(std::string(name) + ": only IPOINT_BEFORE and IPOINT_AFTER, and not behind system calls");
}

// A whole general register, or one that the tool claimed.
int16_t register_for(REG reg, const char* name) {
  Argument where;
  if (!place_of(reg, where) || where.size != 8 || (where.value >= 16 && where.value < plan_register::kTool)) {
    fail(std::string(name) + ": needs a whole general register or one of PIN_ClaimToolRegister, not " +
         REG_StringShort(reg));
  }
  return static_cast<int16_t>(where.value);
}

INS place_in(BBL bbl, IPOINT place) {
  return place == IPOINT_AFTER || place == IPOINT_TAKEN_BRANCH ? BBL_InsTail(bbl) : BBL_InsHead(bbl);
}

// A trace has one way in and several out, so what comes after it is not offered, as in Pin.
INS place_in(TRACE trace, IPOINT place, const char* name) {
  if (place != IPOINT_BEFORE && place != IPOINT_ANYWHERE) {
    fail(std::string(name) + ": only IPOINT_BEFORE and IPOINT_ANYWHERE");
  }
  return BBL_InsHead(TRACE_BblHead(trace));
}

}  // namespace
}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

#define ISOTACH_INSERT(head, where, ...)                     \
  head {                                                     \
    va_list list;                                            \
    va_start(list, function);                                \
    insert(where, place, function, list, Wish{__VA_ARGS__}); \
    va_end(list);                                            \
  }

ISOTACH_INSERT(VOID INS_InsertCall(INS ins, IPOINT place, AFUNPTR function, ...), ins, "INS_InsertCall")
ISOTACH_INSERT(VOID INS_InsertPredicatedCall(INS ins, IPOINT place, AFUNPTR function, ...), ins,
               "INS_InsertPredicatedCall", Call::Step::plain, true)
ISOTACH_INSERT(VOID INS_InsertIfCall(INS ins, IPOINT place, AFUNPTR function, ...), ins, "INS_InsertIfCall",
               Call::Step::condition)
ISOTACH_INSERT(VOID INS_InsertThenCall(INS ins, IPOINT place, AFUNPTR function, ...), ins,
               "INS_InsertThenCall", Call::Step::then)
ISOTACH_INSERT(VOID INS_InsertIfPredicatedCall(INS ins, IPOINT place, AFUNPTR function, ...), ins,
               "INS_InsertIfPredicatedCall", Call::Step::condition, true)
ISOTACH_INSERT(VOID INS_InsertThenPredicatedCall(INS ins, IPOINT place, AFUNPTR function, ...), ins,
               "INS_InsertThenPredicatedCall", Call::Step::then, true)
ISOTACH_INSERT(VOID BBL_InsertCall(BBL bbl, IPOINT place, AFUNPTR function, ...), place_in(bbl, place),
               "BBL_InsertCall")
ISOTACH_INSERT(VOID BBL_InsertIfCall(BBL bbl, IPOINT place, AFUNPTR function, ...), place_in(bbl, place),
               "BBL_InsertIfCall", Call::Step::condition)
ISOTACH_INSERT(VOID BBL_InsertThenCall(BBL bbl, IPOINT place, AFUNPTR function, ...), place_in(bbl, place),
               "BBL_InsertThenCall", Call::Step::then)
ISOTACH_INSERT(VOID TRACE_InsertCall(TRACE trace, IPOINT place, AFUNPTR function, ...),
               place_in(trace, place, "TRACE_InsertCall"), "TRACE_InsertCall")
ISOTACH_INSERT(VOID TRACE_InsertIfCall(TRACE trace, IPOINT place, AFUNPTR function, ...),
               place_in(trace, place, "TRACE_InsertIfCall"), "TRACE_InsertIfCall", Call::Step::condition)
ISOTACH_INSERT(VOID TRACE_InsertThenCall(TRACE trace, IPOINT place, AFUNPTR function, ...),
               place_in(trace, place, "TRACE_InsertThenCall"), "TRACE_InsertThenCall", Call::Step::then)
#undef ISOTACH_INSERT

VOID INS_InsertFillBuffer(INS ins, IPOINT place, BUFFER_ID buffer, ...) {
  va_list list;
  va_start(list, buffer);
  insert_buffer(ins, place, buffer, list, Wish{"INS_InsertFillBuffer"});
  va_end(list);
}
VOID INS_InsertFillBufferPredicated(INS ins, IPOINT place, BUFFER_ID buffer, ...) {
  va_list list;
  va_start(list, buffer);
  insert_buffer(ins, place, buffer, list, Wish{"INS_InsertFillBufferPredicated", Call::Step::plain, true});
  va_end(list);
}
VOID INS_InsertFillBufferThen(INS ins, IPOINT place, BUFFER_ID buffer, ...) {
  va_list list;
  va_start(list, buffer);
  insert_buffer(ins, place, buffer, list, Wish{"INS_InsertFillBufferThen", Call::Step::then});
  va_end(list);
}

VOID INS_Delete(INS ins) {
  find(ins, "INS_Delete").instruction->removed = true;
}
VOID INS_RewriteMemoryOperand(INS ins, UINT32 index, REG reg) {
  const InstructionRef at = find(ins, "INS_RewriteMemoryOperand");
  const FullInstruction& full = at.full();
  const auto refuse = [&](const char* why) {
    fail("INS_RewriteMemoryOperand: " + disassemble(full, false) + ": " + why);
  };
  if (index >= full.memory_count) refuse("there is no memory operand of this number");
  const MemoryOperand& operand = full.memory[index];
  const Scan& scan = at.instruction->scan;
  if (operand.is_implicit || scan.modrm_offset == 0)
    refuse("only an operand that is written out can be rewritten");
  if (operand.index_is_vector) refuse("the addresses of a gather or scatter cannot be rewritten");
  if (scan.flow != Flow::next) refuse("operands of jumps and calls cannot be rewritten");
  at.instruction->rewrite_register = register_for(reg, "INS_RewriteMemoryOperand");
}
VOID INS_InsertDirectJump(INS ins, IPOINT place, ADDRINT target) {
  PlannedInstruction& one = *find(ins, "INS_InsertDirectJump").instruction;
  check_place_of_jump(ins, place, "INS_InsertDirectJump");
  one.redirected = true;
  one.redirect_after = place == IPOINT_AFTER;
  one.redirect_target = target;
}
VOID INS_InsertIndirectJump(INS ins, IPOINT place, REG target) {
  PlannedInstruction& one = *find(ins, "INS_InsertIndirectJump").instruction;
  check_place_of_jump(ins, place, "INS_InsertIndirectJump");
  one.redirected = true;
  one.redirect_after = place == IPOINT_AFTER;
  one.redirect_register = register_for(target, "INS_InsertIndirectJump");
}

}  // namespace LEVEL_BASE
