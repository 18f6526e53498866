// /proc/slabinfo: the kernel's object caches (kernel: mm/slab_common.c). Only root may read it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernel/kept_file.h"

namespace isotach::kernel {

struct SlabCache {
  std::string name;
  std::uint64_t active_objects = 0;
  std::uint64_t objects = 0;
  std::uint64_t object_size_bytes = 0;
  std::uint64_t objects_per_slab = 0;
  std::uint64_t pages_per_slab = 0;
};

class SlabReader {
 public:
  explicit SlabReader(const SystemRoot& root);
  // Fails with a remedy where only root may read.
  [[nodiscard]] Result<void> read(std::vector<SlabCache>& caches);

 private:
  KeptFile file_;
};

// Lines that cannot be understood are left out. Elements of `caches` are used again. Only format 2.x,
// which every kernel since 2.6 writes, is known; another gives an Error.
[[nodiscard]] Result<void> parse_slabinfo(std::string_view text, std::vector<SlabCache>& caches);

}  // namespace isotach::kernel
