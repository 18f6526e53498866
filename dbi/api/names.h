// The numbers and names that tools know instructions by.
#pragma once

#include <cstdint>
#include <string>

#include "engine/decode/full_instruction.h"
#include "pin.H"

namespace isotach::dbi::api {

xed_iclass_enum_t class_of(const FullInstruction& full);
// The same with string instructions named without their repeat prefix, as INS_Opcode has them.
xed_iclass_enum_t opcode_of(const FullInstruction& full);
std::string class_name(uint32_t iclass);  // "CALL_NEAR"

// What a tool's xed_decoded_inst_t holds.
inline FullInstruction& inside(xed_decoded_inst_t* inst) {
  static_assert(sizeof(FullInstruction) <= sizeof inst->opaque);
  return *reinterpret_cast<FullInstruction*>(inst->opaque);
}
inline const FullInstruction& inside(const xed_decoded_inst_t* inst) {
  return *reinterpret_cast<const FullInstruction*>(inst->opaque);
}

// What instructions of its form have in common; null for one that is not valid.
const xed_inst_t* form_of(const FullInstruction& full);

}  // namespace isotach::dbi::api
