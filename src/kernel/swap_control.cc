#include "kernel/swap_control.h"

#include <sys/swap.h>

#include <algorithm>
#include <cerrno>

namespace isotach::kernel {
namespace {

// include/linux/swap.h; glibc has not all of them.
constexpr int kPrefer = 0x8000;
constexpr int kPriorityMask = 0x7fff;
constexpr int kDiscard = 0x10000;
constexpr int kDiscardOnce = 0x20000;
constexpr int kDiscardPages = 0x40000;

int discard_flags(std::string_view discard) {
  if (discard == "once") return kDiscard | kDiscardOnce;
  if (discard == "pages") return kDiscard | kDiscardPages;
  return discard == "both" ? kDiscard : 0;
}

std::string remedy_of(int errno_value) {
  switch (errno_value) {
    case EPERM:
      return "run it as root, or with CAP_SYS_ADMIN";
    case EINVAL:
      return "it is no swap area, or lies on a file system that cannot hold one";
    case EBUSY:
      return "it is in use already: isotach swap lists the areas in use";
    default:
      return {};
  }
}

}  // namespace

Result<void> swap_on(const std::string& path, int priority, std::string_view discard) {
  int flags = discard_flags(discard);
  if (priority >= 0) flags |= kPrefer | std::min(priority, kPriorityMask);
  if (::swapon(path.c_str(), flags) == 0) return {};
  const int failed = errno;
  return system_failure(failed, "switch on swapping to " + path, remedy_of(failed));
}

Result<void> swap_off(const std::string& path) {
  if (::swapoff(path.c_str()) == 0) return {};
  const int failed = errno;
  return system_failure(failed, "switch off swapping to " + path,
                        failed == ENOMEM ? "there is not room in memory for what it holds: free some first"
                                         : remedy_of(failed == EINVAL ? 0 : failed));
}

}  // namespace isotach::kernel
