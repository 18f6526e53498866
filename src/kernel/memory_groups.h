// The memory control groups of the machine: what they may use and use, and a group of our own for a
// program that shall not have more (kernel: Documentation/admin-guide/cgroup-v1/memory.rst,
// cgroup-v2.rst).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "kernel/memory_hierarchy.h"

namespace isotach::kernel {

// All amounts but own_swap_bytes are with those of the groups below. swap counts what is truly swapped
// out: version 2 counts what is in the swap cache as well, which is taken off here.
struct MemoryGroup {
  std::string path;                          // "/system.slice/db.service"; "/" is the root
  std::optional<std::uint64_t> limit_bytes;  // nothing: none of its own
  Value usage_bytes;
  Value file_bytes;  // page cache, which goes before the OOM killer comes
  Value swap_bytes;
  Value own_swap_bytes;
  Value oom_kills;  // since the group was made; of version 1 its own, of version 2 with those below
};

inline constexpr std::size_t kMemoryGroupLimit = 16384;

// Of all groups from the root down, a group before those below it. Groups that go away meanwhile are left
// out; those beyond the limit too.
[[nodiscard]] Result<std::vector<MemoryGroup>> read_memory_groups(const MemoryHierarchy& hierarchy);

// The file that holds the limit, for a command that raises it.
[[nodiscard]] std::string limit_file_of(const MemoryHierarchy& hierarchy, const std::string& group_path);

// What one group holds now; for sampling.
struct MemoryGroupUse {
  Value usage_bytes;
  Value swap_bytes;
};
[[nodiscard]] MemoryGroupUse read_group_use(const MemoryHierarchy& hierarchy, const std::string& folder);

// A group of our own, below the root of the hierarchy. The caller removes it (undo_made_folder).
[[nodiscard]] std::string own_group_folder(const MemoryHierarchy& hierarchy, std::string_view name);
// Why no group can be made here; nothing when it can.
[[nodiscard]] std::optional<Error> why_no_group(const MemoryHierarchy& hierarchy);
// Makes the folder of a group that may hold `limit_bytes` in memory and swap the rest. Version 1: a limit;
// version 2: memory.high, which slows the group down instead of killing in it.
[[nodiscard]] Result<void> make_limited_group(const MemoryHierarchy& hierarchy, const std::string& folder,
                                              std::uint64_t limit_bytes);

// For tests: the value of "key value" lines.
[[nodiscard]] std::optional<std::uint64_t> group_statistic(std::string_view text, std::string_view key);
// "max", or the largest number that version 1 has, is no limit.
[[nodiscard]] std::optional<std::uint64_t> parse_group_limit(std::string_view text);

}  // namespace isotach::kernel
