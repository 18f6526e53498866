#include "kernel/process_cgroup.h"

#include "base/fd.h"
#include "base/text.h"
#include "kernel/key_value.h"

namespace isotach::kernel {

std::optional<std::string> parse_memory_cgroup(std::string_view text) {
  // 4:memory:/group of version 1, 0::/group of version 2.
  std::optional<std::string> unified;
  while (const auto line = take_line(text)) {
    const std::size_t first = line->find(':');
    const std::size_t second = first == std::string_view::npos ? first : line->find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view path = line->substr(second + 1);
    if (!path.starts_with('/')) continue;
    const std::string_view controllers = line->substr(first + 1, second - first - 1);
    if (controllers.empty() && !unified) unified = std::string(path);
    for (const std::string_view controller : split(controllers, ','))
      if (controller == "memory") return std::string(path);
  }
  return unified;
}

std::optional<std::string> read_memory_cgroup(const SystemRoot& root, unsigned pid) {
  constexpr std::size_t kLimitBytes = 65536;
  const auto text = read_file(root.path("proc/" + std::to_string(pid) + "/cgroup"), kLimitBytes);
  return text ? parse_memory_cgroup(*text) : std::nullopt;
}

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
