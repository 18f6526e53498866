#include "kernel/process_memory.h"

#include <fcntl.h>
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

bool ProcessMemory::read_protected(std::uint64_t address, std::span<char> buffer) {
  if (file_failed_) return false;
  if (!file_.is_open()) {
    const std::string path = "/proc/" + std::to_string(pid_) + "/mem";
    file_ = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    file_failed_ = !file_.is_open();
    if (file_failed_) return false;
  }
  const ssize_t got = ::pread(file_.get(), buffer.data(), buffer.size(), static_cast<off_t>(address));
  return got == static_cast<ssize_t>(buffer.size());
}

Result<std::size_t> ProcessMemory::read(std::span<const std::uint64_t> addresses, std::size_t bytes_each,
                                        std::span<char> buffer, std::vector<bool>& readable) {
  CHECK(bytes_each > 0 && buffer.size() >= addresses.size() * bytes_each);
  readable.assign(addresses.size(), true);
  std::size_t count = 0;
  for (std::size_t first = 0; first < addresses.size();) {
    // Neighbours are one part for the kernel.
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
    const iovec here{buffer.data() + first * bytes_each, (next - first) * bytes_each};
    const ssize_t got =
        ::process_vm_readv(static_cast<pid_t>(pid_), &here, 1, parts_.data(), parts_.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != EFAULT) return system_failure(errno, doing_text(pid_));
    const std::size_t whole = got < 0 ? 0 : static_cast<std::size_t>(got) / bytes_each;
    count += whole;
    first += whole;
    if (first == next) continue;
    // The kernel stopped at this one.
    if (read_protected(addresses[first], buffer.subspan(first * bytes_each, bytes_each))) {
      ++count;
    } else {
      readable[first] = false;
    }
    ++first;
  }
  return count;
}

}  // namespace isotach::kernel
