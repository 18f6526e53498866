#include "engine/os/private_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "engine/os/raw_syscall.h"

namespace isotach::dbi {
namespace {

std::vector<int> placeholders;
std::vector<int> private_fds;  // sorted
int first_private = 512;

int64_t descriptor_flags(int fd) {
  return raw_syscall(SYS_fcntl, static_cast<uint64_t>(fd), F_GETFD);
}

}  // namespace

void shield_low_fds() {
  rlimit limit{};
  raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, reinterpret_cast<uint64_t>(&limit));
  first_private = static_cast<int>(std::min<uint64_t>(limit.rlim_cur / 2, 512));
  const int64_t first = raw_syscall(SYS_openat, static_cast<uint64_t>(AT_FDCWD),
                                    reinterpret_cast<uint64_t>("/dev/null"), O_PATH | O_CLOEXEC);
  if (first < 0) return;
  placeholders.push_back(static_cast<int>(first));
  while (placeholders.back() < first_private) {
    const int64_t next = raw_syscall(SYS_fcntl, static_cast<uint64_t>(first), F_DUPFD_CLOEXEC, 0);
    if (next < 0) break;
    placeholders.push_back(static_cast<int>(next));
  }
}

void unshield_low_fds() {
  for (const int fd : placeholders) raw_syscall(SYS_close, static_cast<uint64_t>(fd));
  placeholders.clear();
  private_fds.clear();
  for (int fd = first_private; fd < first_private + 512; ++fd) {
    if (descriptor_flags(fd) >= 0) private_fds.push_back(fd);
  }
}

bool is_private_fd(int fd) {
  return fd >= first_private && std::binary_search(private_fds.begin(), private_fds.end(), fd);
}

void protect_private_fds_at_exec() {
  for (const int fd : private_fds) raw_syscall(SYS_fcntl, static_cast<uint64_t>(fd), F_SETFD, FD_CLOEXEC);
}

void close_private_fds() {
  for (const int fd : private_fds) raw_syscall(SYS_close, static_cast<uint64_t>(fd));
  private_fds.clear();
}

int64_t close_range_of_program(uint64_t first, uint64_t last, uint64_t flags) {
  if (first > last) return -EINVAL;
  for (const int fd : private_fds) {
    const auto number = static_cast<uint64_t>(fd);
    if (number < first || number > last) continue;
    if (number > first) {
      const int64_t result = raw_syscall(SYS_close_range, first, number - 1, flags);
      if (result < 0) return result;
    }
    first = number + 1;
  }
  return first <= last ? raw_syscall(SYS_close_range, first, last, flags) : 0;
}

}  // namespace isotach::dbi
