#include "kernel/process_memory.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <string>

#include "base/check.h"

namespace isotach::kernel {
namespace {

std::string doing_text(unsigned pid) {
  return "read the memory of process " + std::to_string(pid);
}

}  // namespace

Result<ProcessMemory> ProcessMemory::open(unsigned pid) {
  // The right is checked before the address, so that reading nothing tells whether it is there.
  char byte = 0;
  const iovec here{&byte, 1};
  const iovec nowhere{nullptr, 1};
  const ssize_t got = ::process_vm_readv(static_cast<pid_t>(pid), &here, 1, &nowhere, 1, 0);
  if (got < 0 && errno != EFAULT)
    return system_failure(errno, doing_text(pid),
                          errno == EPERM ? "run it as root, or as the user of that process" : "");
  return ProcessMemory(pid);
}

Result<void> ProcessMemory::open_file() {
  if (file_.is_open()) return {};
  auto file = open_readonly("/proc/" + std::to_string(pid_) + "/mem");
  if (!file) return tl::make_unexpected(std::move(file.error()));
  file_ = std::move(*file);
  return {};
}

Result<std::size_t> ProcessMemory::read_pinning(std::span<char> buffer) const {
  const iovec here{buffer.data(), buffer.size()};
  for (;;) {
    const ssize_t got =
        ::process_vm_readv(static_cast<pid_t>(pid_), &here, 1, parts_.data(), parts_.size(), 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    if (errno == EFAULT) return std::size_t{0};
    return system_failure(errno, doing_text(pid_));
  }
}

Result<std::size_t> ProcessMemory::read_copying(std::span<char> buffer) {
  if (auto opened = open_file(); !opened) return tl::make_unexpected(std::move(opened.error()));
  std::size_t done = 0;
  for (const iovec& part : parts_) {
    const auto address = reinterpret_cast<std::uintptr_t>(part.iov_base);
    std::size_t done_here = 0;
    while (done_here < part.iov_len) {
      const ssize_t got = ::pread(file_.get(), buffer.data() + done, part.iov_len - done_here,
                                  static_cast<off_t>(address + done_here));
      if (got < 0 && errno == EINTR) continue;
      // EIO: not there. Nothing at all: the process has ended.
      if (got < 0 && errno != EIO) return system_failure(errno, doing_text(pid_));
      if (got == 0) return system_failure(ESRCH, doing_text(pid_));
      if (got < 0) return done;
      done += static_cast<std::size_t>(got);
      done_here += static_cast<std::size_t>(got);
    }
  }
  return done;
}

Result<std::size_t> ProcessMemory::read(Way way, std::span<const std::uint64_t> addresses,
                                        std::size_t bytes_each, std::span<char> buffer,
                                        std::vector<bool>& readable) {
  CHECK(bytes_each > 0 && buffer.size() >= addresses.size() * bytes_each);
  readable.assign(addresses.size(), true);
  std::size_t count = 0;
  for (std::size_t first = 0; first < addresses.size();) {
    parts_.clear();
    std::size_t next = first;
    for (; next < addresses.size(); ++next) {
      const std::uint64_t address = addresses[next];
      if (!parts_.empty()) {
        iovec& last = parts_.back();
        if (reinterpret_cast<std::uintptr_t>(last.iov_base) + last.iov_len == address) {
          last.iov_len += bytes_each;
          continue;
        }
      }
      if (parts_.size() == IOV_MAX) break;
      parts_.push_back({reinterpret_cast<void*>(static_cast<std::uintptr_t>(address)), bytes_each});
    }
    const std::span<char> wanted = buffer.subspan(first * bytes_each, (next - first) * bytes_each);
    const auto got = way == Way::pinning ? read_pinning(wanted) : read_copying(wanted);
    if (!got) return tl::make_unexpected(got.error());
    const std::size_t whole = *got / bytes_each;
    count += whole;
    first += whole;
    if (first == next) continue;
    // The kernel stopped here. Memory that is protected against its own process (PROT_NONE) is no
    // obstacle to the other way.
    bool could = false;
    if (way == Way::pinning) {
      parts_.assign(1, {reinterpret_cast<void*>(static_cast<std::uintptr_t>(addresses[first])), bytes_each});
      const auto again = read_copying(buffer.subspan(first * bytes_each, bytes_each));
      could = again && *again == bytes_each;
    }
    if (could) {
      ++count;
    } else {
      readable[first] = false;
    }
    ++first;
  }
  return count;
}

}  // namespace isotach::kernel
