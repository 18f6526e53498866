// /sys/block: which block devices are whole disks; every other name in /proc/diskstats is a partition.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

class WholeDiskReader {
 public:
  explicit WholeDiskReader(const SystemRoot& root);

  // The names, in ascending order. Fails where there is no such folder (a container, an old saved
  // tree): then nothing tells disks from partitions.
  [[nodiscard]] Result<void> read(std::vector<std::string>& names);

 private:
  std::string path_;
};

}  // namespace isotach::kernel
