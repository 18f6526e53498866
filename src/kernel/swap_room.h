// Whether a swap area can be switched off without the OOM killer: swapoff(2) charges every page that comes
// back to its control group, whatever that may hold. A last look before a change is taken back; `isotach
// swap drain` plans with more care (memory/swap/drain_plan.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/memory_groups.h"

namespace isotach::kernel {

struct SwapRoom {
  std::uint64_t used_bytes = 0;                  // of the area
  std::uint64_t other_free_bytes = 0;            // in other areas: what does not fit can go there
  std::optional<std::uint64_t> available_bytes;  // MemAvailable
  std::vector<MemoryGroup> groups;
};

// Pure. Nothing where it does no harm, or where nothing is known that speaks against it.
[[nodiscard]] std::optional<Error> why_not_switch_off(const std::string& path, const SwapRoom& room);

// The same for the area `path` of this machine as it is now.
[[nodiscard]] Result<void> check_room_to_switch_off(const std::string& path);

}  // namespace isotach::kernel
