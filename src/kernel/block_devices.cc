#include "kernel/block_devices.h"

#include <dirent.h>

#include <algorithm>
#include <memory>

namespace isotach::kernel {
namespace {

// Far above what any machine has; bounds what a hostile tree can make us keep.
constexpr std::size_t kDiskLimit = 65536;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

WholeDiskReader::WholeDiskReader(const SystemRoot& root) : path_(root.path("sys/block")) {}

Result<void> WholeDiskReader::read(std::vector<std::string>& names) {
  names.clear();
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path_.c_str()));
  if (!folder) return system_failure(errno, "open " + path_);
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == kDiskLimit) break;
    // The kernel writes a slash in a device's name as an exclamation mark here.
    std::string& kept = names.emplace_back(name);
    std::replace(kept.begin(), kept.end(), '!', '/');
  }
  std::sort(names.begin(), names.end());
  return {};
}

}  // namespace isotach::kernel
