// The registers of a thread, and what the kernel would still do to them.
#pragma once

#include <sys/user.h>

#include <cstring>

#include "engine/os/handover.h"

namespace isotach::dbi {

static_assert(sizeof(ProgramRegisters) == sizeof(user_regs_struct));

inline ProgramRegisters to_program_registers(const user_regs_struct& registers) {
  ProgramRegisters result;
  memcpy(&result, &registers, sizeof result);
  return result;
}

inline user_regs_struct to_user_registers(const ProgramRegisters& registers) {
  user_regs_struct result;
  memcpy(&result, &registers, sizeof result);
  return result;
}

}  // namespace isotach::dbi
