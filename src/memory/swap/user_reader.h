// Reads who uses swap from /proc: every process that has something there.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/result.h"
#include "kernel/memory_hierarchy.h"
#include "kernel/system_root.h"
#include "memory/swap/users.h"

namespace isotach::memory {

struct SwapUsers {
  std::vector<SwapProcess> processes;
  std::map<unsigned, std::uint64_t> pages_by_area;  // sums over the processes
  bool areas_hidden = false;   // without CAP_SYS_ADMIN the kernel hides which area a page is in
  std::size_t unreadable = 0;  // processes whose shares or pages may not be read
};

// Costs some 20 us a process, and for those that have something in swap a walk of their page tables.
// `hierarchy` names the groups; without it they are empty. Fails only when /proc cannot be listed.
[[nodiscard]] Result<SwapUsers> read_swap_users(const kernel::SystemRoot& root,
                                                const std::optional<kernel::MemoryHierarchy>& hierarchy,
                                                bool by_area);

// Name and VmSwap, in bytes, of the text of /proc/PID/status; nothing where it has none (kernel threads).
struct SwapStatus {
  std::string name;
  std::uint64_t swap_bytes = 0;
};
[[nodiscard]] std::optional<SwapStatus> parse_swap_status(std::string_view text);

}  // namespace isotach::memory
