#include "kernel/system_root.h"

#include <sys/stat.h>

namespace isotach::kernel {
namespace {

bool is_folder(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

SystemRoot::SystemRoot(std::string prefix)
    : prefix_(std::move(prefix)), proc_is_prefix_(!prefix_.empty() && !is_folder(prefix_ + "/proc")) {}

std::string SystemRoot::path(std::string_view relative) const {
  constexpr std::string_view kProc = "proc/";
  if (proc_is_prefix_ && relative.starts_with(kProc)) relative.remove_prefix(kProc.size());
  return prefix_ + '/' + std::string(relative);
}

}  // namespace isotach::kernel
