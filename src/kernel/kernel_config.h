// How this kernel was built: the value of one CONFIG_ option, and where that is written.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

// One place where kernels leave their configuration, and what it said.
struct ConfigAnswer {
  std::string path;
  std::optional<std::string> value;  // "y", "m", "n", a number or a text; nothing without an answer
  std::string why;                   // why there is none: "no such file", "does not name it"
};

// All places in the order in which they are believed, whether they exist or not: /proc/config.gz is
// the kernel's own account, files may be those of another build of the same name.
[[nodiscard]] std::vector<ConfigAnswer> look_up_config(const SystemRoot& root, const std::string& release,
                                                       const std::string& option);

// The value of `option` in the text of a configuration: "n" for "# CONFIG_KSM is not set".
[[nodiscard]] std::optional<std::string> config_value(std::string_view text, std::string_view option);

// What a gzip file holds. Fails on damage and past 64 MiB: a few bytes can stand for any number.
[[nodiscard]] Result<std::string> gunzip(std::string_view packed);

}  // namespace isotach::kernel
