// Switching swap areas on and off: swapon(2) and swapoff(2).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace isotach::kernel {

// `priority` is 0 to 32767; a negative one lets the kernel choose the next below all others. `discard`
// is "", "once", "pages" or "both", as in swapon --discard.
[[nodiscard]] Result<void> swap_on(const std::string& path, int priority, std::string_view discard = {});

// Returns when all that was in the area is back in memory. A signal that has a handler ends it with
// EINTR, and the area stays on.
[[nodiscard]] Result<void> swap_off(const std::string& path);

}  // namespace isotach::kernel
