// Becoming the launcher of the instrumentation engine.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace isotach::command {

// Whether these words of isotach's command line are pin's: to be handed to the launcher as they are, before
// anything of this process is changed (descriptors, signals) that the program would inherit.
[[nodiscard]] bool is_for_pin(const std::vector<std::string>& words);

// Becomes the launcher; returns only when it cannot, with the reason.
[[nodiscard]] Error become_pin(const std::vector<std::string>& words);

}  // namespace isotach::command
