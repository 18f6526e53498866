#include "command/swap/state.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/swap_devices.h"
#include "kernel/swap_file.h"
#include "memory/swap/fstab.h"

namespace isotach::command {
namespace {

constexpr int kHighestPriority = 32767;

// The links below /dev/disk that udev keeps.
Result<std::string> by_link(const std::string& folder, const std::string& name, const std::string& word) {
  char buffer[PATH_MAX];
  const std::string link = "/dev/disk/" + folder + '/' + name;
  if (name.find('/') == std::string::npos && ::realpath(link.c_str(), buffer) != nullptr)
    return std::string(buffer);
  return failure(ErrorKind::failed, "there is no device with " + printable(word),
                 "blkid lists the devices with their UUIDs and labels");
}

}  // namespace

Result<SwapState> read_swap_state(const kernel::SystemRoot& root) {
  SwapState state;
  std::vector<kernel::SwapDevice> devices;
  if (auto read = kernel::SwapDeviceReader(root).read(devices); !read)
    return tl::make_unexpected(read.error());
  if (auto read = kernel::MemoryReader(root).read(state.memory); !read)
    return tl::make_unexpected(read.error());
  state.areas = memory::summarize_areas(std::move(devices), state.memory[kernel::MemoryField::swap_cached]);
  return state;
}

const kernel::SwapDevice* find_area(const SwapState& state, const std::string& word) {
  struct stat wanted {};
  const bool known = ::stat(word.c_str(), &wanted) == 0;
  for (const memory::SwapAreaRow& row : state.areas.rows) {
    if (row.area.path == word) return &row.area;
    struct stat status {};
    if (known && ::stat(row.area.path.c_str(), &status) == 0 && status.st_dev == wanted.st_dev &&
        status.st_ino == wanted.st_ino)
      return &row.area;
  }
  return nullptr;
}

Result<std::string> swap_path_of(const std::string& word) {
  if (word.starts_with("UUID=")) return by_link("by-uuid", word.substr(5), word);
  if (word.starts_with("LABEL=")) return by_link("by-label", word.substr(6), word);
  return kernel::absolute_swap_path(word);
}

OptionSpec priority_option() {
  return {"--priority", 'p', "N",
          "0 to 32767: the higher one is filled first, equal ones in turns; without it "
          "the kernel chooses the next below all others",
          "area"};
}

Result<std::optional<int>> priority_of(const Arguments& arguments) {
  const auto text = arguments.value("--priority");
  if (!text) return std::optional<int>();
  const auto priority = parse_unsigned(*text);
  if (!priority || *priority > kHighestPriority)
    return failure(ErrorKind::usage, "'" + printable(*text) + "' is no priority",
                   fmt::format("write a whole number from 0 to {}", kHighestPriority));
  return std::optional(static_cast<int>(*priority));
}

std::string fstab_path() {
  const char* const chosen = std::getenv("ISOTACH_FSTAB");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/etc/fstab";
}

std::string discard_policy_of(const std::string& path) {
  const auto text = read_file(fstab_path());
  if (!text) return {};
  for (const memory::FstabSwap& swap : memory::parse_fstab_swaps(*text)) {
    const auto source = swap_path_of(swap.source);
    if (source && *source == path) return swap.discard();
  }
  return {};
}

}  // namespace isotach::command
