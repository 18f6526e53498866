// The numbers and names that tools know instructions by.
#pragma once

#include <cstdint>
#include <string>

#include "engine/decode/full_instruction.h"
#include "pin.H"

namespace isotach::dbi::api {

xed_iclass_enum_t class_of(const FullInstruction& full);
std::string class_name(uint32_t iclass);  // "CALL_NEAR"

}  // namespace isotach::dbi::api
