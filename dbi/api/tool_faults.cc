// Faults in the tool's own code: PIN_TryStart, PIN_AddInternalExceptionHandler.
#include <cstring>

#include "api/callbacks.h"
#include "api/events.h"
#include "api/hooks.h"
#include "api/instrument.h"
#include "engine/dispatch/context.h"
#include "engine/emit/inline.h"

namespace isotach::dbi::api {
namespace {

struct Handler {
  INTERNAL_EXCEPTION_CALLBACK function;
  VOID* value;
};

// What the calling thread is trying, the innermost last.
thread_local std::vector<Handler>* trying = nullptr;

Callbacks<INTERNAL_EXCEPTION_CALLBACK>& handlers() {
  static auto* const list = new Callbacks<INTERNAL_EXCEPTION_CALLBACK>;
  return *list;
}

// Where <sys/ucontext.h> has the registers; its names for that are the API's for registers.
constexpr int kRegisters[16] = {13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7};
constexpr int kPc = 16, kFlags = 17;

void to_context(const ucontext_t& user, ThreadContext& context) {
  for (unsigned i = 0; i < 16; ++i)
    context.registers[i] = static_cast<uint64_t>(user.uc_mcontext.gregs[kRegisters[i]]);
  context.pc = static_cast<uint64_t>(user.uc_mcontext.gregs[kPc]);
  context.flags = static_cast<uint64_t>(user.uc_mcontext.gregs[kFlags]);
}
void from_context(const ThreadContext& context, ucontext_t& user) {
  for (unsigned i = 0; i < 16; ++i)
    user.uc_mcontext.gregs[kRegisters[i]] = static_cast<greg_t>(context.registers[i]);
  user.uc_mcontext.gregs[kPc] = static_cast<greg_t>(context.pc);
  user.uc_mcontext.gregs[kFlags] = static_cast<greg_t>(context.flags);
}

// The innermost attempt first, then what was registered for the whole tool, until one has an answer.
EXCEPT_HANDLING_RESULT ask(EXCEPTION_INFO& exception, CONTEXT& registers) {
  const THREADID thread = PIN_ThreadId();
  if (trying != nullptr) {
    for (size_t i = trying->size(); i-- != 0;) {
      const Handler one = (*trying)[i];
      const EXCEPT_HANDLING_RESULT result = one.function(thread, &exception, &registers, one.value);
      if (result != EHR_CONTINUE_SEARCH) return result;
    }
  }
  EXCEPT_HANDLING_RESULT result = EHR_CONTINUE_SEARCH;
  handlers().each([&](INTERNAL_EXCEPTION_CALLBACK function, VOID* value, CALLBACK_RECORD&) {
    if (result == EHR_CONTINUE_SEARCH) result = function(thread, &exception, &registers, value);
  });
  return result;
}

}  // namespace

bool tool_fault(ThreadContext*, const siginfo_t& info, ucontext_t& user) {
  if (handlers().empty() && (trying == nullptr || trying->empty())) return false;
  // A fault in a handler is not offered to handlers.
  thread_local bool is_inside = false;
  if (is_inside) return false;
  is_inside = true;
  const auto pc = static_cast<ADDRINT>(user.uc_mcontext.gregs[kPc]);
  EXCEPTION_INFO exception;
  PIN_InitAccessFaultInfo(&exception, exception_code_of(info), pc, reinterpret_cast<ADDRINT>(info.si_addr),
                          FAULTY_ACCESS_TYPE_UNKNOWN);
  CONTEXT registers;
  std::memset(&registers, 0, sizeof registers);
  auto& fields = reinterpret_cast<ThreadContext&>(registers);
  to_context(user, fields);
  const bool is_handled = ask(exception, registers) == EHR_HANDLED;
  if (is_handled) from_context(fields, user);
  is_inside = false;
  return is_handled;
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

using namespace isotach::dbi::api;

VOID PIN_AddInternalExceptionHandler(INTERNAL_EXCEPTION_CALLBACK function, VOID* value) {
  isotach::dbi::call_all_but_counters();
  handlers().add(function, value);
}
VOID PIN_TryStart(THREADID, INTERNAL_EXCEPTION_CALLBACK function, VOID* value) {
  if (trying == nullptr) trying = new std::vector<Handler>;
  trying->push_back({function, value});
}
VOID PIN_TryEnd(THREADID) {
  if (trying != nullptr && !trying->empty()) trying->pop_back();
}

}  // namespace LEVEL_BASE
