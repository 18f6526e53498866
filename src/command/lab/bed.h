// Where a lab runs, so that it cannot harm the machine.
#pragma once

#include <functional>

#include "base/result.h"

namespace isotach::command {

// Runs `work` in a process with network interfaces, processes and mounts of its own (namespaces(7)): a fresh
// /proc, /sys and /run, `lo` up, named network namespaces that only it sees. When the process ends, or this
// one does, however that happens, all of it is gone: the kernel keeps a namespace as long as it has
// processes, and kills those of a process namespace with its first. Returns what `work` returned. Must be
// called before the first thread is made; needs root.
[[nodiscard]] Result<int> in_network_bed(const std::function<int()>& work);

}  // namespace isotach::command
