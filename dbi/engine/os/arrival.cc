#include "engine/os/arrival.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace isotach::dbi {
namespace {

void tell(const char* text) {
  if (write(2, text, strlen(text)) < 0) return;  // nobody listens
}

}  // namespace

Handover* arrive(int argument_count, char** arguments) {
  char* end = nullptr;
  const uint64_t address = argument_count == 2 ? strtoull(arguments[1], &end, 16) : 0;
  if (!address || *end) {
    tell("isotach-pin-runtime is started by pin, inside of a program; see pin --help\n");
    return nullptr;
  }
  auto* handover = reinterpret_cast<Handover*>(address);
  if (handover->magic != kHandoverMagic) {
    tell("isotach-pin-runtime: was started by a pin of another version; install isotach again\n");
    return nullptr;
  }
  if (handover->helper)
    while (waitpid(static_cast<pid_t>(handover->helper), nullptr, __WALL) < 0 && errno == EINTR) {
    }
  return handover;
}

}  // namespace isotach::dbi
