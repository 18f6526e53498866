#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace isotach {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "isotach: internal error: %s is false (%s:%d). Please report this.\n",
               condition, file, line);
  std::abort();
}

}  // namespace isotach
