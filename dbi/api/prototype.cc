// Prototypes: what a tool says of a function's result and arguments. The engine passes integers and pointers
// in the registers of the System V ABI whatever their sizes, so that it needs a prototype only to be given
// one.
#include <cstdarg>
#include <string>
#include <vector>

#include "api/instrument.h"
#include "pin.H"

namespace LEVEL_BASE {

struct ISOTACH_PROTOTYPE {
  struct Part {
    PARG_TYPE type;
    size_t size;
  };
  Part result;
  std::string name;
  std::vector<Part> arguments;
};

PROTO PROTO_Allocate(PARG_TYPE result, size_t result_size, CALLINGSTD_TYPE convention, const CHAR* name,
                     ...) {
  if (convention != CALLINGSTD_DEFAULT && convention != CALLINGSTD_CDECL)
    isotach::dbi::api::fail("PROTO_Allocate: only CALLINGSTD_DEFAULT");
  constexpr size_t kMostArguments = 64;
  auto* const proto = new ISOTACH_PROTOTYPE{{result, result_size}, name == nullptr ? "" : name, {}};
  va_list list;
  va_start(list, name);
  for (;;) {
    const auto type = static_cast<PARG_TYPE>(va_arg(list, int));
    if (type == PARG_END) break;
    if (type <= PARG_INVALID || type > PARG_END || proto->arguments.size() >= kMostArguments)
      isotach::dbi::api::fail("PROTO_Allocate: its list of arguments is wrong, or lacks PIN_PARG_END()");
    const size_t size = va_arg(list, size_t);
    if (type == PARG_FLOAT || type == PARG_DOUBLE)
      isotach::dbi::api::fail("PROTO_Allocate: arguments of type float and double are not offered");
    proto->arguments.push_back({type, size});
  }
  va_end(list);
  return proto;
}

VOID PROTO_Free(PROTO proto) {
  delete proto;
}

}  // namespace LEVEL_BASE
