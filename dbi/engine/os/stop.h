// How the engine gives up: it says why on standard error, by system calls only, and ends the process.
#pragma once

#include <cstdint>

namespace isotach::dbi {

// Exit code of a program that the engine had to end.
inline constexpr int kEngineFailed = 125;

[[noreturn]] void stop(const char* why, uint64_t value = 0);
void warn(const char* what, uint64_t value = 0);

}  // namespace isotach::dbi
