// /proc/PID/cgroup: the control group that a process is charged to (kernel:
// Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/system_root.h"

namespace isotach::kernel {

// "/system.slice/db.service": the group whose memory controller the process belongs to, of version 1
// where that has it, else of version 2. Nothing where the process is gone or the text is not understood.
[[nodiscard]] std::optional<std::string> read_memory_cgroup(const SystemRoot& root, unsigned pid);

[[nodiscard]] std::optional<std::string> parse_memory_cgroup(std::string_view text);

// The path of a group as it stands in /proc, from what a person types: "system.slice",
// "/system.slice/", "/sys/fs/cgroup/memory/system.slice".
[[nodiscard]] std::string normal_cgroup_path(std::string_view typed);

// Whether `path` is `group` or below it.
[[nodiscard]] bool is_in_cgroup(std::string_view path, std::string_view group);

}  // namespace isotach::kernel
