// Swap that stays in memory: /sys/block/zram*/ and /sys/module/zswap/parameters/ (kernel:
// Documentation/admin-guide/blockdev/zram.rst, mm/zswap.rst). Reading only.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

// "[lzo-rle] lzo lz4": what there is, and which is chosen.
struct AlgorithmChoice {
  std::vector<std::string> offered;
  std::string chosen;  // empty where none is marked
};
[[nodiscard]] AlgorithmChoice parse_algorithms(std::string_view text);

// Columns of mm_stat, in their order.
enum class ZramField : std::size_t {
  original_bytes,    // what was written
  compressed_bytes,  // of it, without what the pool adds
  used_bytes,        // memory that the pool has
  limit_bytes,       // 0: none
  peak_used_bytes,
  same_pages,
  compacted_pages,
  huge_pages,
  huge_pages_ever,
};
inline constexpr std::size_t kZramFieldCount = static_cast<std::size_t>(ZramField::huge_pages_ever) + 1;

struct ZramDevice {
  std::string name;  // "zram0"
  Value disk_bytes;  // 0: not set up
  AlgorithmChoice algorithms;
  std::array<Value, kZramFieldCount> values;
  [[nodiscard]] const Value& operator[](ZramField field) const {
    return values[static_cast<std::size_t>(field)];
  }
};

// In the order of their numbers; none where the module is not loaded.
[[nodiscard]] std::vector<ZramDevice> read_zram_devices(const SystemRoot& root);

// Values that the text lacks are missing.
void parse_zram_statistics(std::string_view text, std::array<Value, kZramFieldCount>& values);

struct Zswap {
  bool supported = false;
  bool enabled = false;
  std::string compressor;
  Value max_pool_percent;  // of RAM
};
[[nodiscard]] Zswap read_zswap(const SystemRoot& root);

}  // namespace isotach::kernel
