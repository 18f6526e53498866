#include "base/check.h"

#include <cstdio>
#include <cstdlib>

#include "base/wait.h"

namespace isotach {

void check_failed(const char* condition, const char* file, int line) {
  run_emergency_action();  // a terminal view leaves the alternate screen, or the message would vanish with it
  std::fprintf(stderr, "isotach: internal error: %s is false (%s:%d). Please report this.\n", condition, file,
               line);
  std::abort();
}

}  // namespace isotach
