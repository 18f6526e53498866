// Who the machine is: names that label what is shown.
#pragma once

#include <string>

#include "kernel/system_root.h"

namespace isotach::kernel {

struct Host {
  std::string name;            // "db1"; empty when unknown
  std::string kernel_release;  // "6.1.0-18-amd64"; empty when unknown
};

// From proc/sys/kernel/{hostname,osrelease}; a saved tree without these has no names.
[[nodiscard]] Host read_host(const SystemRoot& root);

}  // namespace isotach::kernel
