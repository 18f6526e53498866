// Memory amounts that the kernel does not give as one number: differences and sums, defined once for
// all modes. In KiB.
#pragma once

#include "kernel/meminfo.h"
#include "memory/vm/cell.h"

namespace isotach::memory {

[[nodiscard]] Cell swap_used_kib(const kernel::MemoryReading& memory);
// Page cache and reclaimable slab. The slab is left out where the kernel does not tell.
[[nodiscard]] Cell cache_kib(const kernel::MemoryReading& memory);
[[nodiscard]] Cell buffers_and_cache_kib(const kernel::MemoryReading& memory);
// MemAvailable; MemFree where it exceeds the total, as inside some containers.
[[nodiscard]] Cell available_kib(const kernel::MemoryReading& memory);
// Total less available, or less free where "available" is missing or exceeds the total.
[[nodiscard]] Cell used_kib(const kernel::MemoryReading& memory);

}  // namespace isotach::memory
