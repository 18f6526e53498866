// Python programs that isotach starts, embedded by cmake/Labs.cmake.
#pragma once

#include <string_view>

namespace isotach::memory {

[[nodiscard]] std::string_view lab_script();   // labs/memory/experiment.py
[[nodiscard]] std::string_view python_hook();  // python_hook.py, beside this file

}  // namespace isotach::memory
