// The swap areas in use and what is truly swapped out. Pure.
//
// "Used" counts pages that are in memory as well: those that came back and were not changed since keep
// their place in the area (the swap cache), so that they need not be written again. The kernel counts the
// swap cache of all areas together, so that with several areas in use what is truly out is known for each
// only within bounds; their sum is exact.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "kernel/swap_devices.h"

namespace isotach::memory {

struct SwapAreaRow {
  kernel::SwapDevice area;
  // Missing where the kernel does not tell the swap cache.
  Value least_out_bytes;
  Value most_out_bytes;  // equal to the least: exact
};

struct SwapAreas {
  std::vector<SwapAreaRow> rows;  // highest priority first: in the order in which they are filled
  std::uint64_t size_bytes = 0;
  std::uint64_t used_bytes = 0;
  Value cached_bytes;
  Value out_bytes;  // used less cached
};

[[nodiscard]] SwapAreas summarize_areas(std::vector<kernel::SwapDevice> areas, const Value& swap_cached_kib);

// What stands behind an area that compresses in memory: "zram", or nothing. `path` is of /proc/swaps.
[[nodiscard]] bool is_zram(std::string_view path);

}  // namespace isotach::memory
