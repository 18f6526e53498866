// Shutting a process in before it reads what strangers made: whoever takes it over by a crafted file can
// compute, and write what the process was to write, and nothing else.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace isotach::kernel {

struct ConfinementLimits {
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;  // of address space, with programs and libraries
  std::uint64_t cpu_seconds = 60;                       // the kernel ends it then
};

// From here on this process can use its memory and the descriptors that it has, and end. Every other system
// call fails with EPERM: it opens nothing, starts nothing, connects to nobody (seccomp(2)). Before any thread
// starts. Where a sanitizer watches, which needs more, only the time is limited.
[[nodiscard]] Result<void> confine(const ConfinementLimits& limits);

// Whether confine() can do all that in this build.
[[nodiscard]] bool is_confinement_whole();

}  // namespace isotach::kernel
