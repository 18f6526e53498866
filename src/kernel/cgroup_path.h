// Paths of control groups, as people type them and as /proc/PID/cgroup has them.
#pragma once

#include <string>
#include <string_view>

namespace isotach::kernel {

// The path as it stands in /proc, from what a person types: "system.slice", "/system.slice/",
// "/sys/fs/cgroup/memory/system.slice".
[[nodiscard]] std::string normal_cgroup_path(std::string_view typed);

// Whether `path` is `group` or below it.
[[nodiscard]] bool is_in_cgroup(std::string_view path, std::string_view group);

}  // namespace isotach::kernel
