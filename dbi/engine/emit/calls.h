// Writes the calls of analysis routines around an instruction.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/emit/emitter.h"

namespace isotach::dbi {

size_t worst_call_bytes(const TracePlan& plan);
size_t worst_call_cold_bytes(const TracePlan& plan);

class CallEmitter {
 public:
  CallEmitter(Emitter& emitter, uint32_t index) : emitter_(emitter), index_(index) {}

  // The instruction with everything that was planned before, after and at its taken branch.
  bool emit(bool is_last);

 private:
  Emitter& emitter_;
  uint32_t index_;
};

}  // namespace isotach::dbi
