// Programs, scripts and tools as the launcher of the engine looks at them before it starts anything.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "engine/os/program_file.h"
#include "launcher/kit.h"

namespace {

using namespace isotach::dbi;

// A file without a name in any folder.
int file_of(const std::uint8_t* data, std::size_t size) {
  const int file = memfd_create("fuzz", 0);
  CHECK(file >= 0);
  CHECK(size == 0 || write(file, data, size) == static_cast<ssize_t>(size));
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int file = file_of(data, size);
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  const ProgramFile seen = look_at_program(AT_FDCWD, path.c_str(), 0);
  CHECK((seen.kind == ProgramKind::unusable) == (seen.error != 0));
  const ProgramFile again = look_at_program(file, "", AT_EMPTY_PATH);
  CHECK(again.kind == seen.kind && again.error == seen.error);

  std::string found;
  const Problem command = find_command(path, found);
  CHECK(found == path);
  CHECK(seen.kind != ProgramKind::ours || !command);
  CHECK(seen.kind != ProgramKind::unusable || (command && command.exit_code != 0));

  std::string tool = path;
  if (const Problem problem = check_tool(tool, "/nowhere")) {
    CHECK(problem.exit_code != 0 && problem.text.find(path) != std::string::npos);
  } else {
    CHECK(tool == path);
  }
  close(file);
  return 0;
}
