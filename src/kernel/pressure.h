// /proc/pressure/*: pressure stall information (kernel: Documentation/accounting/psi.rst).
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "kernel/kept_file.h"

namespace isotach::kernel {

struct PressureLine {
  Value avg10_percent, avg60_percent, avg300_percent;  // of time stalled; the kernel renews them every 2 s
  Value total_us;                                      // time stalled since boot; always current
};

struct PressureReading {
  PressureLine some;  // at least one task stalled
  PressureLine full;  // all tasks stalled at once; missing for cpu before kernel 5.13
};

class PressureReader {
 public:
  // `resource` is "cpu", "memory" or "io".
  PressureReader(const SystemRoot& root, std::string_view resource);
  // Where the kernel has no PSI every value is missing; never fails.
  void read(PressureReading& reading);

 private:
  KeptFile file_;
};

void parse_pressure(std::string_view text, PressureReading& reading);

}  // namespace isotach::kernel
