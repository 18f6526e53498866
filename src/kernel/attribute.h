// Files of /sys, /proc and control groups that hold one value and take one.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace isotach::kernel {

// The value without the newline that ends it. Where the file lists all choices and marks the one in force
// ("[none] scan-time"), the value is the marked one.
[[nodiscard]] Result<std::string> read_attribute(const std::string& path);

// One write, as the kernel wants it. What it says about a value it refuses is in the error.
[[nodiscard]] Result<void> write_attribute(const std::string& path, std::string_view value);

}  // namespace isotach::kernel
