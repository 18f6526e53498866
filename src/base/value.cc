#include "base/value.h"

namespace isotach {

std::string_view missing_text(Missing reason) {
  switch (reason) {
    case Missing::not_permitted:
      return "not permitted";
    case Missing::vanished:
      return "vanished";
    case Missing::malformed:
      return "malformed";
    case Missing::not_supported:
      break;
  }
  return "not supported by this kernel";
}

}  // namespace isotach
