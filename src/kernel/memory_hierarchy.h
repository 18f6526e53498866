// Where the memory controller of control groups is, of version 1 or 2, and which of its groups a process
// is in (kernel: Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/system_root.h"

namespace isotach::kernel {

struct MemoryHierarchy {
  int version = 2;
  std::string folder;  // of the root group, such as /sys/fs/cgroup/memory; below the system root
};

// Nothing where no memory controller is mounted.
[[nodiscard]] std::optional<MemoryHierarchy> find_memory_hierarchy(const SystemRoot& root);

// "/system.slice/db.service" of a process; nothing when the process is gone or the file says nothing.
[[nodiscard]] std::optional<std::string> memory_group_of(const SystemRoot& root,
                                                         const MemoryHierarchy& hierarchy, unsigned pid);

// For tests: from the text of /proc/self/mountinfo and /proc/PID/cgroup.
[[nodiscard]] std::optional<MemoryHierarchy> parse_memory_hierarchy(std::string_view mountinfo,
                                                                    std::string_view controllers_of_root);
[[nodiscard]] std::optional<std::string> parse_memory_group(std::string_view cgroup_file, int version);

}  // namespace isotach::kernel
