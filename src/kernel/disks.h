// /proc/diskstats (kernel: Documentation/admin-guide/iostats.rst).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernel/kept_file.h"

namespace isotach::kernel {

// In the order of the columns after the name. A sector is always 512 bytes here.
enum class DiskCounter : std::size_t {
  reads,
  reads_merged,
  sectors_read,
  read_ms,
  writes,
  writes_merged,
  sectors_written,
  write_ms,
  in_flight,
  io_ms,
  weighted_io_ms,
  discards,
  discards_merged,
  sectors_discarded,
  discard_ms,
  flushes,
  flush_ms,
};
inline constexpr std::size_t kDiskCounterCount = static_cast<std::size_t>(DiskCounter::flush_ms) + 1;

struct DiskReading {
  unsigned major_number = 0;
  unsigned minor_number = 0;
  std::string name;
  std::array<std::uint64_t, kDiskCounterCount> counters{};
  std::size_t counter_count = 0;  // 11 before kernel 4.18, 15 before 5.5, then 17; 4 for old partitions

  [[nodiscard]] std::uint64_t operator[](DiskCounter counter) const {
    return counters[static_cast<std::size_t>(counter)];
  }
};

class DiskReader {
 public:
  explicit DiskReader(const SystemRoot& root);
  [[nodiscard]] Result<void> read(std::vector<DiskReading>& disks);

 private:
  KeptFile file_;
};

// Lines that cannot be understood are left out. Elements of `disks` are used again.
void parse_diskstats(std::string_view text, std::vector<DiskReading>& disks);

}  // namespace isotach::kernel
