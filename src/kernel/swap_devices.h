// /proc/swaps: the swap areas in use (kernel: mm/swapfile.c).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernel/kept_file.h"

namespace isotach::kernel {

struct SwapDevice {
  std::string path;  // with the kernel's octal escapes undone
  std::string type;  // "file" or "partition"
  std::uint64_t size_kib = 0;
  std::uint64_t used_kib = 0;
  int priority = 0;
};

class SwapDeviceReader {
 public:
  explicit SwapDeviceReader(const SystemRoot& root);
  // A kernel without swap has no file: an empty list.
  [[nodiscard]] Result<void> read(std::vector<SwapDevice>& devices);

 private:
  KeptFile file_;
};

// Lines that cannot be understood are left out.
void parse_swaps(std::string_view text, std::vector<SwapDevice>& devices);

}  // namespace isotach::kernel
