#include "memory/swap/areas.h"

#include <algorithm>
#include <limits>

namespace isotach::memory {
namespace {

constexpr std::uint64_t kKi = 1024;

// Files of the kernel may say anything.
std::uint64_t bytes_of(std::uint64_t kib) {
  return kib > std::numeric_limits<std::uint64_t>::max() / kKi ? std::numeric_limits<std::uint64_t>::max()
                                                               : kib * kKi;
}

std::uint64_t sum(std::uint64_t one, std::uint64_t other) {
  return one > std::numeric_limits<std::uint64_t>::max() - other ? std::numeric_limits<std::uint64_t>::max()
                                                                 : one + other;
}

}  // namespace

SwapAreas summarize_areas(std::vector<kernel::SwapDevice> areas, const Value& swap_cached_kib) {
  std::stable_sort(areas.begin(), areas.end(), [](const kernel::SwapDevice& a, const kernel::SwapDevice& b) {
    return a.priority > b.priority;
  });
  SwapAreas result;
  for (const kernel::SwapDevice& area : areas) {
    result.size_bytes = sum(result.size_bytes, bytes_of(area.size_kib));
    result.used_bytes = sum(result.used_bytes, bytes_of(area.used_kib));
  }
  if (swap_cached_kib.is_missing()) {
    result.cached_bytes = result.out_bytes = swap_cached_kib;
  } else {
    // The two files are read one after the other: more may be cached by then than was used.
    const std::uint64_t cached = std::min(bytes_of(swap_cached_kib.as_unsigned()), result.used_bytes);
    result.cached_bytes = Value::of(cached);
    result.out_bytes = Value::of(result.used_bytes - cached);
  }
  for (kernel::SwapDevice& area : areas) {
    SwapAreaRow row;
    const std::uint64_t used = bytes_of(area.used_kib);
    row.area = std::move(area);
    if (result.cached_bytes.is_missing()) {
      row.least_out_bytes = row.most_out_bytes = result.cached_bytes;
    } else {
      const std::uint64_t cached = result.cached_bytes.as_unsigned();
      // What the other areas cannot hold of the cache is in this one.
      const std::uint64_t elsewhere = std::min(cached, result.used_bytes - std::min(used, result.used_bytes));
      row.least_out_bytes = Value::of(used - std::min(used, cached));
      row.most_out_bytes = Value::of(used - std::min(used, cached - elsewhere));
    }
    result.rows.push_back(std::move(row));
  }
  return result;
}

bool is_zram(std::string_view path) {
  constexpr std::string_view kName = "/dev/zram";
  return path.starts_with(kName) && path.size() > kName.size() &&
         path.find_first_not_of("0123456789", kName.size()) == std::string_view::npos;
}

}  // namespace isotach::memory
