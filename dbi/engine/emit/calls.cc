#include "engine/emit/calls.h"
namespace isotach::dbi {
size_t worst_call_bytes(const TracePlan&) {
  return 0;
}
size_t worst_call_cold_bytes(const TracePlan&) {
  return 0;
}
bool CallEmitter::emit(bool is_last) {
  return emitter_.emit_instruction(emitter_.plan_.instructions[index_], is_last);
}
}  // namespace isotach::dbi
