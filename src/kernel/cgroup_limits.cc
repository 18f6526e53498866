#include "kernel/cgroup_limits.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/key_value.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kLimitBytes = 65536;
constexpr int kDepthLimit = 64;

// "/system.slice/db.service" from the line "0::/system.slice/db.service". A path that leads upwards
// (a group outside this namespace) tells nothing about this process.
std::optional<std::string> group_path(const SystemRoot& root) {
  const auto text = read_file(root.path("proc/self/cgroup"), kLimitBytes);
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  while (const auto line = take_line(rest)) {
    if (!line->starts_with("0::/")) continue;
    std::string path(line->substr(3));
    if (path.find("..") != std::string::npos || path.find('\0') != std::string::npos) return std::nullopt;
    return path;
  }
  return std::nullopt;
}

std::optional<std::string> read_attribute(const SystemRoot& root, const std::string& group,
                                          const char* name) {
  const auto text = read_file(root.path("sys/fs/cgroup" + group + '/' + name), kLimitBytes);
  if (!text) return std::nullopt;
  return std::string(trim(*text));
}

// Nothing for "max".
std::optional<std::uint64_t> memory_limit(const SystemRoot& root, const std::string& group) {
  const auto text = read_attribute(root, group, "memory.max");
  return text ? parse_unsigned(*text) : std::nullopt;
}

// "150000 100000": time allowed in each period, in microseconds.
std::optional<double> cpu_limit(const SystemRoot& root, const std::string& group) {
  const auto text = read_attribute(root, group, "cpu.max");
  if (!text) return std::nullopt;
  const auto words = split_blanks(*text);
  if (words.size() != 2) return std::nullopt;
  const auto allowed = parse_unsigned(words[0]);
  const auto period = parse_unsigned(words[1]);
  if (!allowed || !period || *period == 0) return std::nullopt;
  return static_cast<double>(*allowed) / static_cast<double>(*period);
}

}  // namespace

CgroupLimits read_cgroup_limits(const SystemRoot& root) {
  CgroupLimits limits;
  auto path = group_path(root);
  if (!path) return limits;
  std::optional<std::uint64_t> memory;
  std::optional<double> cpus;
  std::string group = *path == "/" ? std::string() : std::move(*path);
  for (int depth = 0; depth < kDepthLimit; ++depth) {
    if (const auto here = memory_limit(root, group)) memory = memory ? std::min(*memory, *here) : *here;
    if (const auto here = cpu_limit(root, group)) cpus = cpus ? std::min(*cpus, *here) : *here;
    if (group.empty()) break;
    group.resize(group.rfind('/'));
  }
  if (memory) limits.memory_bytes = Value::of(*memory);
  if (cpus) limits.cpus = Value::of_real(*cpus);
  return limits;
}

}  // namespace isotach::kernel
