#include "kernel/cgroup_path.h"

namespace isotach::kernel {

std::string normal_cgroup_path(std::string_view typed) {
  for (const std::string_view mount : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
    if (!is_in_cgroup(typed, mount)) continue;
    typed.remove_prefix(mount.size());
    break;
  }
  while (typed.ends_with('/')) typed.remove_suffix(1);
  while (typed.starts_with('/')) typed.remove_prefix(1);
  return '/' + std::string(typed);
}

bool is_in_cgroup(std::string_view path, std::string_view group) {
  if (group == "/") return true;
  return path.starts_with(group) && (path.size() == group.size() || path[group.size()] == '/');
}

}  // namespace isotach::kernel
