// What the control group of this process may use: in a container the machine's totals are not the
// whole truth (kernel: Documentation/admin-guide/cgroup-v2.rst).
#pragma once

#include "base/value.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

struct CgroupLimits {
  // The narrowest limit from the process's group up to the root; missing where there is none, or where
  // only version 1 of control groups is in use.
  Value memory_bytes;
  Value cpus;  // real: CPU time a second
};

// From proc/self/cgroup and sys/fs/cgroup; never fails.
[[nodiscard]] CgroupLimits read_cgroup_limits(const SystemRoot& root);

}  // namespace isotach::kernel
