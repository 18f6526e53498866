// What this process has mapped at an address, as the kernel tells it.
//
// One mapping costs about a microsecond where the kernel has PROCMAP_QUERY (Linux 6.11), a read of all of
// /proc/self/maps where not. Thread rules: callers serialise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isotach::dbi {

struct MapEntry {
  uint64_t low = 0, high = 0;  // [low, high)
  bool readable = false, writable = false, executable = false, shared = false;
  uint64_t offset = 0;  // in the file
  uint64_t inode = 0;   // 0: of no file
  std::string name;     // as in /proc/self/maps, its octal escapes undone: a path, "[vdso]", or nothing

  [[nodiscard]] bool holds(uint64_t address) const { return address >= low && address < high; }
};

// A line of /proc/PID/maps without its end; nothing when it is none.
[[nodiscard]] std::optional<MapEntry> parse_map_entry(std::string_view line);
// All lines that can be understood.
[[nodiscard]] std::vector<MapEntry> parse_maps(std::string_view text);

// All of this process's mappings, in order of address.
[[nodiscard]] std::vector<MapEntry> read_maps();
// The mapping that holds `address`.
[[nodiscard]] std::optional<MapEntry> map_entry_at(uint64_t address);

}  // namespace isotach::dbi
