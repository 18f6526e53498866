// /proc/stat: time of the CPUs, interrupts, context switches, processes (kernel: fs/proc/stat.c).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "kernel/kept_file.h"

namespace isotach::kernel {

// In the order of the columns. `user` contains `guest`, and `nice` contains `guest_nice`.
enum class CpuField : std::size_t {
  user,
  nice,
  system,
  idle,
  iowait,
  irq,
  softirq,
  steal,
  guest,
  guest_nice,
};
inline constexpr std::size_t kCpuFieldCount = static_cast<std::size_t>(CpuField::guest_nice) + 1;

// Clock ticks since boot. Columns that an old kernel does not have are missing.
struct CpuTimes {
  std::array<Value, kCpuFieldCount> ticks;

  [[nodiscard]] const Value& operator[](CpuField field) const {
    return ticks[static_cast<std::size_t>(field)];
  }
  [[nodiscard]] std::uint64_t number(CpuField field) const { return (*this)[field].as_unsigned(); }
};

struct CpuReading {
  CpuTimes all;
  struct One {
    unsigned number = 0;  // CPU number; gaps are CPUs that are offline
    CpuTimes times;
  };
  std::vector<One> each;  // filled only when asked for
  Value interrupts;
  Value context_switches;
  Value boot_time_s;  // since 1970-01-01 UTC
  Value forks;
  Value processes_running;
  Value processes_blocked;
};

class CpuReader {
 public:
  // With `each` the CPUs are read one by one too, at a cost that grows with their number.
  CpuReader(const SystemRoot& root, bool each);
  [[nodiscard]] Result<void> read(CpuReading& reading);

 private:
  KeptFile file_;
  bool each_;
};

// Parses the text of /proc/stat; for tests and fuzzing.
void parse_cpu_stat(std::string_view text, bool each, CpuReading& reading);

}  // namespace isotach::kernel
