// CHECK(condition): states an invariant of our own code. On a breach it prints the place and aborts.
// Never for outside input: that returns a Result.
#pragma once

namespace isotach {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace isotach

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::isotach::check_failed(#condition, __FILE_NAME__, __LINE__))
