// ksmd, the kernel thread that scans and merges.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/value.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

struct KsmDaemon {
  unsigned pid = 0;
  char state = '?';  // as in ps
  Value cpu_ns;      // since the kernel started
};

// Nothing where it cannot be seen: in a container, or on a kernel without KSM.
[[nodiscard]] std::optional<KsmDaemon> find_ksm_daemon(const SystemRoot& root);

// Its CPU time now, for differences.
[[nodiscard]] Value ksm_daemon_cpu_ns(const SystemRoot& root, unsigned pid);

// How long it has waited for a processor that others had, for differences: it runs with nice 5. Missing
// on kernels that do not keep account of it (CONFIG_SCHED_INFO).
[[nodiscard]] Value ksm_daemon_wait_ns(const SystemRoot& root, unsigned pid);

// The second number of /proc/PID/schedstat, for tests and fuzzing.
[[nodiscard]] Value parse_schedstat_wait(std::string_view text);

}  // namespace isotach::kernel
