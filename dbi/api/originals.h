// Functions of the program that a tool has replaced, as functions that the tool can call.
//
// Thread rules: any thread; the functions that original_of() stands for are called on threads of the program.
#pragma once

#include <cstdint>

namespace isotach::dbi::api {

// The address of a function, in the engine's memory, that runs the program's function at `address` as it is
// without its replacement. The same each time.
uint64_t original_of(uint64_t address);

// The function that an address made by original_of() stands for; 0: it is none.
uint64_t function_behind(uint64_t original);

}  // namespace isotach::dbi::api
