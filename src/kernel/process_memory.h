// Reads pages of another process, many at a time. Nothing is written there, but each page read counts as
// used, and one that is absent would be faulted in: ask Pagemap first.
//
// process_vm_readv() is the quick way, but it is not free of effects: it pins pages, and pinning a page that
// fork() or KSM shares makes the kernel (5.19 and later) give the process a copy of its own. Looking would
// undo the sharing. /proc/PID/mem does not pin.
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

  enum class Way {
    pinning,  // process_vm_readv: for pages of which PageEntry::exclusive() is true
    copying,  // /proc/PID/mem: half as quick, for all others
  };

  // Reads `bytes_each` bytes from each of `addresses` into `buffer`, one behind the other;
  // buffer.size() >= addresses.size() * bytes_each, and no piece may cross a page. readable[i] says
  // whether address i could be read: what was unmapped meanwhile cannot. Returns how many were. Fails when
  // the process has ended, or this process may not read it.
  [[nodiscard]] Result<std::size_t> read(Way way, std::span<const std::uint64_t> addresses,
                                         std::size_t bytes_each, std::span<char> buffer,
                                         std::vector<bool>& readable);

 private:
  explicit ProcessMemory(unsigned pid) : pid_(pid) {}
  // Both return how many bytes came, up to the first address that cannot be read.
  [[nodiscard]] Result<std::size_t> read_pinning(std::span<char> buffer) const;
  [[nodiscard]] Result<std::size_t> read_copying(std::span<char> buffer);
  [[nodiscard]] Result<void> open_file();

  unsigned pid_;
  Fd file_;                   // /proc/PID/mem, opened when first needed
  std::vector<iovec> parts_;  // of the other process: neighbours are one
};

}  // namespace isotach::kernel
