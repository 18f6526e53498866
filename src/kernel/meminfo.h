// /proc/meminfo (kernel: fs/proc/meminfo.c). Values are in KiB as the file has them, whatever "kB" says.
#pragma once

#include <array>
#include <cstddef>

#include "base/result.h"
#include "base/value.h"
#include "kernel/kept_file.h"
#include "kernel/key_value.h"

namespace isotach::kernel {

enum class MemoryField : std::size_t {
  total,
  free,
  available,
  buffers,
  cached,
  swap_cached,
  active,
  inactive,
  active_anonymous,
  inactive_anonymous,
  active_file,
  inactive_file,
  unevictable,
  mlocked,
  swap_total,
  swap_free,
  zswap,
  zswapped,
  dirty,
  writeback,
  anonymous,
  mapped,
  shared,
  reclaimable,
  slab,
  slab_reclaimable,
  slab_unreclaimable,
  kernel_stack,
  page_tables,
  commit_limit,
  committed,
  high_total,
  high_free,
  low_total,
  low_free,
  huge_anonymous,
  hugetlb,
};
inline constexpr std::size_t kMemoryFieldCount = static_cast<std::size_t>(MemoryField::hugetlb) + 1;

// The key of a field in the file, such as "MemFree".
[[nodiscard]] std::string_view memory_field_key(MemoryField field);

struct MemoryReading {
  std::array<Value, kMemoryFieldCount> kib;

  [[nodiscard]] const Value& operator[](MemoryField field) const {
    return kib[static_cast<std::size_t>(field)];
  }
  // In KiB; 0 when missing. For formulas that the kernel and procps write without a check.
  [[nodiscard]] std::uint64_t number(MemoryField field) const { return (*this)[field].as_unsigned(); }
};

class MemoryReader {
 public:
  explicit MemoryReader(const SystemRoot& root);
  // Fails only when the file cannot be read; single keys may be missing.
  [[nodiscard]] Result<void> read(MemoryReading& reading);

 private:
  KeptFile file_;
  KeyValueParser parser_;
};

}  // namespace isotach::kernel
