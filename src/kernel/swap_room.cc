#include "kernel/swap_room.h"

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "kernel/meminfo.h"
#include "kernel/swap_devices.h"

namespace isotach::kernel {
namespace {

std::string shown(std::uint64_t bytes) {
  return format_bytes(static_cast<double>(bytes));
}

Error refusal(const std::string& path, const std::string& why, std::string remedy) {
  return {ErrorKind::failed, 0, "swapping to " + printable(path) + " stays on: " + why, std::move(remedy)};
}

// What of the group's own memory must stay, and what may come back to it at most.
bool overflows(const MemoryGroup& group, std::uint64_t used_bytes) {
  if (!group.limit_bytes || group.usage_bytes.is_missing() || group.swap_bytes.is_missing()) return false;
  const std::uint64_t usage = group.usage_bytes.as_unsigned();
  const std::uint64_t kept = usage - std::min(usage, group.file_bytes.as_unsigned());
  return kept + std::min(group.swap_bytes.as_unsigned(), used_bytes) > *group.limit_bytes;
}

}  // namespace

std::optional<Error> why_not_switch_off(const std::string& path, const SwapRoom& room) {
  if (room.used_bytes <= room.other_free_bytes) return std::nullopt;
  if (room.available_bytes && *room.available_bytes < room.used_bytes)
    return refusal(path,
                   "it holds " + shown(room.used_bytes) + ", and " + shown(*room.available_bytes) +
                       " of memory are available",
                   "free some memory, then: isotach restore");
  for (const MemoryGroup& group : room.groups)
    if (overflows(group, room.used_bytes))
      return refusal(path,
                     "what it holds does not fit into the control group " + printable(group.path) +
                         ", and a program in there would be killed",
                     "raise the limit of that group or end a program in it, then: isotach restore");
  return std::nullopt;
}

Result<void> check_room_to_switch_off(const std::string& path) {
  const SystemRoot root;
  std::vector<SwapDevice> devices;
  SwapDeviceReader device_reader(root);
  if (auto read = device_reader.read(devices); !read) return read;
  SwapRoom room;
  for (const SwapDevice& device : devices) {
    if (device.path == path) {
      room.used_bytes = device.used_kib * 1024;
    } else {
      room.other_free_bytes += (device.size_kib - std::min(device.size_kib, device.used_kib)) * 1024;
    }
  }
  if (room.used_bytes == 0) return {};
  MemoryReading memory;
  MemoryReader memory_reader(root);
  if (memory_reader.read(memory) && !memory[MemoryField::available].is_missing())
    room.available_bytes = memory.number(MemoryField::available) * 1024;
  if (const auto hierarchy = find_memory_hierarchy(root))
    if (auto groups = read_memory_groups(*hierarchy)) room.groups = std::move(*groups);
  if (auto refused = why_not_switch_off(path, room)) return tl::make_unexpected(std::move(*refused));
  return {};
}

}  // namespace isotach::kernel
