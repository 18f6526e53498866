#include "kernel/memory_groups.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/attribute.h"
#include "kernel/kept_file.h"
#include "kernel/key_value.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kFileLimitBytes = std::size_t{1} << 20;
constexpr int kDepthLimit = 64;
// What version 1 shows where nothing was set: the largest multiple of the page size in 63 bits.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;

Result<std::string> read_in(const std::string& folder, const char* name) {
  return read_file(folder + '/' + name, kFileLimitBytes);
}

Value number_in(const std::string& folder, const char* name) {
  const auto text = read_in(folder, name);
  if (!text) return missing_reason(text.error());
  const auto number = parse_unsigned(trim(*text));
  return number ? Value::of(*number) : Value(Missing::malformed);
}

Value statistic(const Result<std::string>& text, std::string_view key) {
  if (!text) return missing_reason(text.error());
  const auto number = group_statistic(*text, key);
  return number ? Value::of(*number) : Value(Missing::not_supported);
}

Value sum(const Value& one, const Value& other) {
  if (one.is_missing()) return one;
  if (other.is_missing()) return other;
  return Value::of(one.as_unsigned() + other.as_unsigned());
}

std::optional<std::uint64_t> limit_in(const std::string& folder, const char* name) {
  const auto text = read_in(folder, name);
  return text ? parse_group_limit(*text) : std::nullopt;
}

void read_version_1(const std::string& folder, MemoryGroup& group) {
  const auto text = read_in(folder, "memory.stat");
  group.limit_bytes = limit_in(folder, "memory.limit_in_bytes");
  group.usage_bytes = number_in(folder, "memory.usage_in_bytes");
  group.file_bytes = sum(statistic(text, "total_inactive_file"), statistic(text, "total_active_file"));
  group.swap_bytes = statistic(text, "total_swap");
  group.own_swap_bytes = statistic(text, "swap");
  const auto control = read_in(folder, "memory.oom_control");
  group.oom_kills = statistic(control, "oom_kill");
}

Value version_2_swap(const std::string& folder, const Result<std::string>& statistics) {
  const Value with_cache = number_in(folder, "memory.swap.current");
  if (with_cache.is_missing()) return with_cache;
  const Value cached = statistic(statistics, "swapcached");  // Linux 5.12 and later
  const std::uint64_t less = cached.is_missing() ? 0 : cached.as_unsigned();
  return Value::of(with_cache.as_unsigned() - std::min(with_cache.as_unsigned(), less));
}

void read_version_2(const std::string& folder, MemoryGroup& group) {
  const auto text = read_in(folder, "memory.stat");
  group.limit_bytes = limit_in(folder, "memory.max");
  group.usage_bytes = number_in(folder, "memory.current");
  group.file_bytes = sum(statistic(text, "inactive_file"), statistic(text, "active_file"));
  group.swap_bytes = version_2_swap(folder, text);
  group.own_swap_bytes = group.swap_bytes;  // what the groups below hold is taken off later
  const auto events = read_in(folder, "memory.events");
  group.oom_kills = statistic(events, "oom_kill");
}

std::vector<std::string> folders_in(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder.c_str()), ::closedir);
  if (!listing) return names;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    bool is_folder = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN) {
      struct stat status {};
      is_folder = ::stat((folder + '/' + name).c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    }
    if (is_folder) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Returns the swap of the groups read, for the one above them.
std::uint64_t read_below(const MemoryHierarchy& hierarchy, const std::string& path, int depth,
                         std::vector<MemoryGroup>& groups) {
  const std::string folder = hierarchy.folder + (path == "/" ? "" : path);
  const std::size_t index = groups.size();
  if (index >= kMemoryGroupLimit) return 0;
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return 0;
  groups.emplace_back().path = path;
  if (hierarchy.version == 1) read_version_1(folder, groups[index]);
  if (hierarchy.version == 2) read_version_2(folder, groups[index]);
  std::uint64_t below = 0;
  if (depth < kDepthLimit)
    for (const std::string& name : folders_in(folder))
      below += read_below(hierarchy, (path == "/" ? "" : path) + '/' + name, depth + 1, groups);
  MemoryGroup& group = groups[index];
  if (hierarchy.version == 2 && !group.own_swap_bytes.is_missing())
    group.own_swap_bytes =
        Value::of(group.own_swap_bytes.as_unsigned() - std::min(below, group.own_swap_bytes.as_unsigned()));
  return group.swap_bytes.is_missing() ? below : group.swap_bytes.as_unsigned();
}

}  // namespace

std::optional<std::uint64_t> group_statistic(std::string_view text, std::string_view key) {
  while (auto line = take_line(text))
    if (take_word(*line) == key) return parse_unsigned(trim(*line));
  return std::nullopt;
}

std::optional<std::uint64_t> parse_group_limit(std::string_view text) {
  const auto limit = parse_unsigned(trim(text));  // "max" is no number
  return limit && *limit < kNoLimit ? limit : std::nullopt;
}

Result<std::vector<MemoryGroup>> read_memory_groups(const MemoryHierarchy& hierarchy) {
  struct stat status {};
  if (::stat(hierarchy.folder.c_str(), &status) != 0)
    return system_failure(errno, "look at the control groups in " + hierarchy.folder);
  std::vector<MemoryGroup> groups;
  read_below(hierarchy, "/", 0, groups);
  return groups;
}

std::string limit_file_of(const MemoryHierarchy& hierarchy, const std::string& group_path) {
  return hierarchy.folder + (group_path == "/" ? "" : group_path) +
         (hierarchy.version == 1 ? "/memory.limit_in_bytes" : "/memory.max");
}

MemoryGroupUse read_group_use(const MemoryHierarchy& hierarchy, const std::string& folder) {
  const auto text = read_in(folder, "memory.stat");
  if (hierarchy.version == 1)
    return {number_in(folder, "memory.usage_in_bytes"), statistic(text, "total_swap")};
  return {number_in(folder, "memory.current"), version_2_swap(folder, text)};
}

std::string own_group_folder(const MemoryHierarchy& hierarchy, std::string_view name) {
  return hierarchy.folder + '/' + std::string(name);
}

std::optional<Error> why_no_group(const MemoryHierarchy& hierarchy) {
  if (::access(hierarchy.folder.c_str(), W_OK) != 0) {
    const int failed = errno;
    const ErrorKind kind = failed == EACCES || failed == EPERM ? ErrorKind::not_permitted : ErrorKind::failed;
    return Error{kind, failed, "make a control group in " + hierarchy.folder, "run it as root"};
  }
  if (hierarchy.version == 1) return std::nullopt;
  const auto handed_down = read_in(hierarchy.folder, "cgroup.subtree_control");
  if (!handed_down) return handed_down.error();
  for (const std::string_view controller : split_blanks(trim(*handed_down)))
    if (controller == "memory") return std::nullopt;
  return Error{ErrorKind::not_supported, 0,
               "groups in " + hierarchy.folder + " have no memory controller of their own",
               "echo +memory > " + hierarchy.folder + "/cgroup.subtree_control"};
}

Result<void> make_limited_group(const MemoryHierarchy& hierarchy, const std::string& folder,
                                std::uint64_t limit_bytes) {
  if (::mkdir(folder.c_str(), 0755) != 0) return system_failure(errno, "make the control group " + folder);
  const char* const file = hierarchy.version == 1 ? "/memory.limit_in_bytes" : "/memory.high";
  if (auto limited = write_attribute(folder + file, std::to_string(limit_bytes)); !limited) return limited;
  // A setting of the machine that keeps pages in memory would show no swapping at all.
  if (hierarchy.version == 1) static_cast<void>(write_attribute(folder + "/memory.swappiness", "60"));
  return {};
}

}  // namespace isotach::kernel
