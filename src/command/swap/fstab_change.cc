#include "command/swap/fstab_change.h"

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/fd.h"
#include "command/swap/state.h"

namespace isotach::command {

Result<void> change_fstab(kernel::Transaction& transaction, const std::string& what,
                          const std::function<std::string(std::string_view)>& edit) {
  const std::string named = fstab_path();
  // Where it is a symbolic link the file behind it is changed, and the link stays.
  char buffer[PATH_MAX];
  if (::realpath(named.c_str(), buffer) == nullptr)
    return system_failure(errno, "find " + named, "make an empty one first: touch " + named);
  const std::string path = buffer;
  const auto earlier = read_file(path);
  if (!earlier) return tl::make_unexpected(earlier.error());
  const std::string text = edit(*earlier);
  if (text == *earlier) return {};
  const std::string backup = path + ".isotach-backup";
  return transaction.change(
      what + " in " + path + " (the earlier content stays in " + backup + ")",
      {kernel::undo_replaced_file(path, backup, text)}, [&]() -> Result<void> {
        if (auto kept = replace_file(backup, *earlier); !kept) return kept;
        auto written = replace_file(path, text);
        if (!written && written.error().errno_value == EBUSY)
          written.error().remedy =
              "it is a mount of its own and cannot be replaced at once: change the file "
              "that is mounted there";
        return written;
      });
}

}  // namespace isotach::command
