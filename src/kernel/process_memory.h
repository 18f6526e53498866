// Reads pages of another process, many at a time (process_vm_readv). Nothing is written there, but each
// page read counts as used, and one that is absent would be faulted in: ask Pagemap first.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

class ProcessMemory {
 public:
  // Fails with EPERM where this process may not read the other (root and CAP_SYS_PTRACE may; one's own
  // processes can be read unless kernel.yama.ptrace_scope forbids it), with ESRCH where it has ended.
  [[nodiscard]] static Result<ProcessMemory> open(unsigned pid);

  // Reads `bytes_each` bytes from each of `addresses` into `buffer`, one behind the other;
  // buffer.size() >= addresses.size() * bytes_each, and no piece may cross a page. readable[i] says
  // whether address i could be read: what was unmapped meanwhile cannot, nor what the process itself
  // locked away, and that of memory protected against itself (PROT_NONE) is tried in another way.
  // Returns how many were. Fails when the process has ended, or this process may not read it.
  [[nodiscard]] Result<std::size_t> read(std::span<const std::uint64_t> addresses, std::size_t bytes_each,
                                         std::span<char> buffer, std::vector<bool>& readable);

 private:
  explicit ProcessMemory(unsigned pid) : pid_(pid) {}
  [[nodiscard]] bool read_protected(std::uint64_t address, std::span<char> buffer);

  unsigned pid_;
  Fd file_;  // /proc/PID/mem, opened when first needed
  bool file_failed_ = false;
  std::vector<iovec> parts_;
};

}  // namespace isotach::kernel
