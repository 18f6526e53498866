// Every file of /sys/kernel/mm/ksm, known or not: kernels get new ones. For showing; what is measured
// again and again is read by KsmReader.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

struct KsmFile {
  std::string name;       // "pages_sharing"
  std::string text;       // as it stands there, without the newline
  Value value;            // the number, where it is one
  bool writable = false;  // a setting; false for counters
};

// Sorted by name. Fails with not_supported where there is no such folder. A file that cannot be read has
// an empty text and a missing value with the reason.
[[nodiscard]] Result<std::vector<KsmFile>> read_ksm_files(const SystemRoot& root);

}  // namespace isotach::kernel
