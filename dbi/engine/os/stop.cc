#include "engine/os/stop.h"

#include <sys/syscall.h>

#include <cstdio>

#include "engine/os/raw_syscall.h"

namespace isotach::dbi {

void warn(const char* what, uint64_t value) {
  char line[512];
  const int size = value != 0 ? std::snprintf(line, sizeof line, "isotach pin: %s (0x%llx)\n", what,
                                              static_cast<unsigned long long>(value))
                              : std::snprintf(line, sizeof line, "isotach pin: %s\n", what);
  raw_syscall(SYS_write, 2, reinterpret_cast<uint64_t>(line), static_cast<uint64_t>(size));
}

void stop(const char* why, uint64_t value) {
  warn(why, value);
  for (;;) raw_syscall(SYS_exit_group, kEngineFailed);
}

}  // namespace isotach::dbi
