#include "engine/os/private_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <vector>

#include "engine/os/raw_syscall.h"

namespace isotach::dbi {
namespace {

std::vector<int> placeholders;
// One bit for each number. Numbers above are not kept apart.
constexpr int kMostNumbers = 65536;
std::atomic<uint64_t> private_bits[kMostNumbers / 64];
int first_private = 512;

std::atomic<uint64_t>& bits_of(int fd) {
  return private_bits[fd / 64];
}
constexpr uint64_t bit_of(int fd) {
  return uint64_t{1} << (fd % 64);
}

void note(int fd) {
  if (fd >= 0 && fd < kMostNumbers) bits_of(fd) |= bit_of(fd);
}

template <class Function>
void for_each_private(Function&& function) {
  for (int i = 0; i < kMostNumbers / 64; ++i) {
    for (uint64_t rest = private_bits[i]; rest != 0; rest &= rest - 1)
      function(i * 64 + __builtin_ctzll(rest));
  }
}

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
  for (int fd = first_private; fd < first_private + 512; ++fd) {
    if (descriptor_flags(fd) >= 0) note(fd);
  }
}

bool is_private_fd(int fd) {
  return fd >= 0 && fd < kMostNumbers && (bits_of(fd) & bit_of(fd)) != 0;
}

int make_private_fd(int fd) {
  if (fd >= first_private) {
    note(fd);
    return fd;
  }
  const int64_t high = raw_syscall(SYS_fcntl, static_cast<uint64_t>(fd), F_DUPFD_CLOEXEC,
                                   static_cast<uint64_t>(first_private));
  if (high < 0) return fd;
  note(static_cast<int>(high));
  raw_syscall(SYS_close, static_cast<uint64_t>(fd));
  return static_cast<int>(high);
}

void forget_private_fd(int fd) {
  if (fd >= 0 && fd < kMostNumbers) bits_of(fd) &= ~bit_of(fd);
}

void protect_private_fds_at_exec() {
  for_each_private([](int fd) { raw_syscall(SYS_fcntl, static_cast<uint64_t>(fd), F_SETFD, FD_CLOEXEC); });
}

void close_private_fds() {
  for_each_private([](int fd) {
    raw_syscall(SYS_close, static_cast<uint64_t>(fd));
    forget_private_fd(fd);
  });
}

int64_t close_range_of_program(uint64_t first, uint64_t last, uint64_t flags) {
  if (first > last) return -EINVAL;
  int64_t failure = 0;
  for_each_private([&](int fd) {
    const auto number = static_cast<uint64_t>(fd);
    if (number < first || number > last || failure < 0) return;
    if (number > first) failure = raw_syscall(SYS_close_range, first, number - 1, flags);
    first = number + 1;
  });
  if (failure < 0) return failure;
  return first <= last ? raw_syscall(SYS_close_range, first, last, flags) : 0;
}

}  // namespace isotach::dbi
