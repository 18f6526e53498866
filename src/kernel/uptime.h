// /proc/uptime and /proc/loadavg.
#pragma once

#include <string_view>

#include "base/value.h"
#include "kernel/kept_file.h"

namespace isotach::kernel {

struct UptimeReading {
  Value uptime_s;  // real, 1/100 s steps
  Value load_1_minute, load_5_minutes, load_15_minutes;
};

class UptimeReader {
 public:
  explicit UptimeReader(const SystemRoot& root);
  void read(UptimeReading& reading);  // never fails; values may be missing

 private:
  KeptFile uptime_;
  KeptFile load_;
};

}  // namespace isotach::kernel
