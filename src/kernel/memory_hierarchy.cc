#include "kernel/memory_hierarchy.h"

#include "base/fd.h"
#include "base/text.h"
#include "kernel/key_value.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kLimitBytes = std::size_t{4} << 20;

bool lists(std::string_view words, char separator, std::string_view wanted) {
  for (const std::string_view word : split(words, separator))
    if (word == wanted) return true;
  return false;
}

struct Mount {
  std::string_view root, folder, type, options;
};

// "36 35 98:0 /root /folder rw,noatime shared:1 - cgroup cgroup rw,memory"
std::optional<Mount> parse_mount(std::string_view line) {
  const std::vector<std::string_view> words = split_blanks(line);
  for (std::size_t dash = 6; dash + 3 < words.size(); ++dash)
    if (words[dash] == "-") return Mount{words[3], words[4], words[dash + 1], words[dash + 3]};
  return std::nullopt;
}

}  // namespace

std::optional<MemoryHierarchy> parse_memory_hierarchy(std::string_view mountinfo,
                                                      std::string_view controllers_of_root) {
  std::optional<MemoryHierarchy> unified;
  while (const auto line = take_line(mountinfo)) {
    const auto mount = parse_mount(*line);
    if (!mount) continue;
    if (mount->type == "cgroup" && lists(mount->options, ',', "memory"))
      return MemoryHierarchy{1, std::string(mount->folder)};
    if (mount->type == "cgroup2" && !unified) unified = MemoryHierarchy{2, std::string(mount->folder)};
  }
  // Beside version 1 the unified hierarchy may be there without this controller.
  if (unified && lists(trim(controllers_of_root), ' ', "memory")) return unified;
  return std::nullopt;
}

std::optional<MemoryHierarchy> find_memory_hierarchy(const SystemRoot& root) {
  const auto mounts = read_file(root.path("proc/self/mountinfo"), kLimitBytes);
  if (!mounts) return std::nullopt;
  // Where the unified hierarchy is mounted is known only from the mounts: ask for it as if it counted.
  std::string controllers;
  if (const auto unified = parse_memory_hierarchy(*mounts, "memory"); unified && unified->version == 2)
    if (auto text = read_file(root.path(unified->folder.substr(1) + "/cgroup.controllers"), kLimitBytes))
      controllers = std::move(*text);
  auto found = parse_memory_hierarchy(*mounts, controllers);
  if (found) found->folder = root.path(found->folder.substr(1));
  return found;
}

std::optional<std::string> parse_memory_group(std::string_view cgroup_file, int version) {
  while (const auto line = take_line(cgroup_file)) {
    const std::size_t first = line->find(':');
    const std::size_t second = first == std::string_view::npos ? first : line->find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line->substr(first + 1, second - first - 1);
    const bool wanted =
        version == 1 ? lists(controllers, ',', "memory") : line->starts_with("0:") && controllers.empty();
    if (!wanted) continue;
    const std::string_view group = line->substr(second + 1);
    // A group outside of this namespace cannot be looked at from here.
    if (!group.starts_with('/') || group.starts_with("/..") || group.find('\0') != std::string_view::npos)
      return std::nullopt;
    return std::string(group);
  }
  return std::nullopt;
}

std::optional<std::string> memory_group_of(const SystemRoot& root, const MemoryHierarchy& hierarchy,
                                           unsigned pid) {
  const auto text = read_file(root.path("proc/" + std::to_string(pid) + "/cgroup"), kLimitBytes);
  return text ? parse_memory_group(*text, hierarchy.version) : std::nullopt;
}

}  // namespace isotach::kernel
