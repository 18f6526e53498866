// /proc/vmstat: counters of the virtual memory system (kernel: mm/vmstat.c). Pages and events, except
// pgpgin and pgpgout, which the kernel gives in KiB.
#pragma once

#include <array>
#include <cstddef>

#include "base/result.h"
#include "base/value.h"
#include "kernel/kept_file.h"
#include "kernel/key_value.h"

namespace isotach::kernel {

enum class VmCounter : std::size_t {
  paged_in_kib,
  paged_out_kib,
  swapped_in_pages,
  swapped_out_pages,
  allocated_dma,
  allocated_dma32,
  allocated_normal,
  allocated_high,
  allocated_movable,
  allocated_device,
  freed,
  activated,
  deactivated,
  lazy_freed,
  faults,
  major_faults,
  refilled,
  stolen_kswapd,
  stolen_direct,
  scanned_kswapd,
  scanned_direct,
  oom_kills,
  ksm_copied_on_write,
  zswap_in,
  zswap_out,
};
inline constexpr std::size_t kVmCounterCount = static_cast<std::size_t>(VmCounter::zswap_out) + 1;

[[nodiscard]] std::string_view vm_counter_key(VmCounter counter);  // "pgpgin"

struct VmCounterReading {
  std::array<Value, kVmCounterCount> values;

  [[nodiscard]] const Value& operator[](VmCounter counter) const {
    return values[static_cast<std::size_t>(counter)];
  }
  [[nodiscard]] std::uint64_t number(VmCounter counter) const { return (*this)[counter].as_unsigned(); }
};

class VmCounterReader {
 public:
  explicit VmCounterReader(const SystemRoot& root);
  [[nodiscard]] Result<void> read(VmCounterReading& reading);

 private:
  KeptFile file_;
  KeyValueParser parser_;
};

}  // namespace isotach::kernel
