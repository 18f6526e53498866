#include "command/kit.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "base/text.h"

namespace isotach::command {

std::string program_folder() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path - 1);
  const std::string program(path, size > 0 ? static_cast<std::size_t>(size) : 0);
  return program.substr(0, program.find_last_of('/'));
}

Result<std::string> find_kit() {
  const auto is_kit = [](const std::string& folder) {
    return ::access((folder + "/pin").c_str(), X_OK) == 0;
  };
  if (const char* const named = std::getenv("ISOTACH_KIT"); named != nullptr && *named != '\0') {
    if (is_kit(named)) return std::string(named);
    return failure(ErrorKind::not_supported, "ISOTACH_KIT names " + printable(named) + ", which has no pin",
                   "set it to a folder with the engine, or unset it");
  }
  const std::string folder = program_folder();
  for (const char* const place : {"/kit", "/../lib/isotach/kit"})
    if (is_kit(folder + place)) return folder + place;
  return failure(ErrorKind::not_supported,
                 "the instrumentation engine is not here: neither " + printable(folder) + "/kit nor " +
                     printable(folder) + "/../lib/isotach/kit has it",
                 "it is built for x86-64 only; set ISOTACH_KIT where it lies elsewhere");
}

}  // namespace isotach::command
