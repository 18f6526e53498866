#include "command/swap/aside.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace isotach::command {

Result<void> put_aside(kernel::Transaction& transaction, const std::string& path, const std::string& mark,
                       std::string what) {
  const std::string aside = fmt::format("{}.isotach-{}-{}", path, mark, ::getpid());
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return system_failure(errno, "look at " + path);
  auto moved =
      transaction.change(std::move(what), {kernel::undo_moved_file(path, aside)}, [&]() -> Result<void> {
        if (std::rename(path.c_str(), aside.c_str()) == 0) return {};
        return system_failure(errno, "put " + path + " aside");
      });
  if (moved) transaction.when_kept(kernel::undo_created_file(aside, status.st_dev, status.st_ino));
  return moved;
}

}  // namespace isotach::command
