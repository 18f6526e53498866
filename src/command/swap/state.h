// What the commands of swap have in common: the areas as they are now, and the names that users give.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/spec.h"
#include "kernel/meminfo.h"
#include "kernel/system_root.h"
#include "memory/swap/areas.h"

namespace isotach::command {

struct SwapState {
  memory::SwapAreas areas;
  kernel::MemoryReading memory;
};
[[nodiscard]] Result<SwapState> read_swap_state(const kernel::SystemRoot& root);

// The area in use that `word` names; nullptr where it is none.
[[nodiscard]] const kernel::SwapDevice* find_area(const SwapState& state, const std::string& word);

// A path as the kernel tells it, from a path, UUID=... or LABEL=....
[[nodiscard]] Result<std::string> swap_path_of(const std::string& word);

// 0 to 32767.
[[nodiscard]] OptionSpec priority_option();
[[nodiscard]] Result<std::optional<int>> priority_of(const Arguments& arguments);

// The file that says what is switched on at a start: /etc/fstab, or $ISOTACH_FSTAB.
[[nodiscard]] std::string fstab_path();
// The discard policy that fstab names for an area. The kernel does not tell the one in force: an area that
// was switched on by hand with another one gets that of fstab.
[[nodiscard]] std::string discard_policy_of(const std::string& path);

// What to type where there is no swap.
inline constexpr const char* kHowToMakeSwap = "isotach swap create /swapfile 4Gi --on --keep";

}  // namespace isotach::command
