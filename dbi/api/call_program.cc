// PIN_CallApplicationFunction: its arguments, into the registers and stack of a call.
#include <cstdarg>
#include <cstring>
#include <vector>

#include "api/hooks.h"
#include "api/instrument.h"
#include "api/originals.h"
#include "engine/dispatch/nested.h"
#include "engine/instrument/routine_requests.h"

namespace isotach::dbi::api {
namespace {

constexpr size_t kMostArguments = 64;

// Gathers arguments in the order of the System V ABI.
class CallBuilder {
 public:
  explicit CallBuilder(ProgramCall& call) : call_(call) {}

  void add_integer(uint64_t value) {
    if (integers_ < 6) {
      call_.integers[integers_++] = value;
    } else {
      stack_.push_back(value);
    }
  }
  // A float in the low half of the bits of a double.
  void add_float(double value, bool is_single) {
    if (is_single) {
      const auto single = static_cast<float>(value);
      uint64_t bits = 0;
      std::memcpy(&bits, &single, sizeof single);
      std::memcpy(&value, &bits, sizeof bits);
    }
    if (call_.float_count < 8) {
      call_.floats[call_.float_count++] = value;
      return;
    }
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    stack_.push_back(bits);
  }
  void finish() {
    call_.on_stack = stack_.data();
    call_.stack_count = stack_.size();
  }

 private:
  ProgramCall& call_;
  unsigned integers_ = 0;
  std::vector<uint64_t> stack_;
};

uint64_t integer_of(va_list& list, PARG_TYPE type) {
  switch (type) {
    case PARG_POINTER:
      return reinterpret_cast<uint64_t>(va_arg(list, void*));
    case PARG_LONG:
    case PARG_LONGLONG:
    case PARG_ULONG:
    case PARG_ULONGLONG:
    case PARG_AGGREGATE:
      return va_arg(list, uint64_t);
    case PARG_UINT:
    case PARG_UCHAR:
    case PARG_USHORT:
    case PARG_BOOL:
      return va_arg(list, unsigned);
    // As a caller passes a negative one: its upper half does not count.
    default:
      return static_cast<uint32_t>(va_arg(list, int));
  }
}

void store_result(const ProgramCall& call, PARG_TYPE type, size_t size, void* to) {
  if (to == nullptr) return;
  if (type == PARG_FLOAT || type == PARG_DOUBLE) {
    std::memcpy(to, &call.float_results[0], size);
  } else {
    std::memcpy(to, &call.results[0], std::min<size_t>(size, 8));
  }
}

void check(PARG_TYPE type, size_t size) {
  const char* const function = "PIN_CallApplicationFunction: ";
  if (type <= PARG_INVALID || type > PARG_END) {
    fail(std::string(function) + "its list of arguments is wrong, or lacks PIN_PARG_END()");
  }
  if ((type == PARG_AGGREGATE || type == PARG_ENUM) && size > 8) {
    fail(std::string(function) + "structures of more than 8 bytes cannot be passed by value");
  }
}

void call_function(const CONTEXT* context, CALLINGSTD_TYPE convention, AFUNPTR function, PARG_TYPE result,
                   va_list& list) {
  ThreadContext* own = this_thread();
  if (own == nullptr) fail("PIN_CallApplicationFunction: this thread does not run the program");
  if (convention != CALLINGSTD_DEFAULT && convention != CALLINGSTD_CDECL) {
    fail("PIN_CallApplicationFunction: only CALLINGSTD_DEFAULT");
  }
  ProgramCall call;
  const size_t result_size = va_arg(list, size_t);
  check(result, result_size);
  void* const to = result == PARG_VOID ? nullptr : va_arg(list, void*);
  CallBuilder builder(call);
  for (size_t count = 0;; ++count) {
    const auto type = static_cast<PARG_TYPE>(va_arg(list, int));
    if (type == PARG_END) break;
    if (count == kMostArguments)
      fail("PIN_CallApplicationFunction: its list of arguments lacks PIN_PARG_END()");
    check(type, va_arg(list, size_t));
    if (type == PARG_FLOAT || type == PARG_DOUBLE) {
      builder.add_float(va_arg(list, double), type == PARG_FLOAT);
    } else {
      builder.add_integer(integer_of(list, type));
    }
  }
  builder.finish();
  const auto address = reinterpret_cast<uint64_t>(function);
  const uint64_t behind = function_behind(address);
  call.function = behind != 0 ? behind : address;
  lock_client();
  call.original = routine_requests().is_replaced_at(call.function);
  unlock_client();
  // Its stack is that of the context given, which is usually the thread's own.
  const uint64_t stack = own->registers[rsp];
  if (context != nullptr) own->registers[rsp] = PIN_GetContextReg(context, REG_RSP);
  const unsigned depth = leave_client_lock();
  call_program(*own, call);
  enter_client_lock(depth);
  own->registers[rsp] = stack;
  store_result(call, result, result_size, to);
}

}  // namespace
}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

// `parameters` asks for the function to run without instrumentation, which changes its speed only.
VOID PIN_CallApplicationFunction(const CONTEXT* context, THREADID, CALLINGSTD_TYPE convention,
                                 AFUNPTR function, CALL_APPLICATION_FUNCTION_PARAM* parameters, ...) {
  va_list list;
  va_start(list, parameters);
  const auto result = static_cast<PARG_TYPE>(va_arg(list, int));
  isotach::dbi::api::call_function(context, convention, function, result, list);
  va_end(list);
}
// As old kits declare it.
VOID PIN_CallApplicationFunction(const CONTEXT* context, THREADID, CALLINGSTD_TYPE convention,
                                 AFUNPTR function, PARG_TYPE result, ...) {
  va_list list;
  va_start(list, result);
  isotach::dbi::api::call_function(context, convention, function, result, list);
  va_end(list);
}

}  // namespace LEVEL_BASE
