#include "memory/compression/pool_model.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace isotach::memory {
namespace {

constexpr std::uint64_t kLeastObjectBytes = 32;
constexpr std::uint64_t kHandleBytes = 8;
constexpr std::uint64_t kStepsInAPage = 256;

// The length of a chain that leaves least unused at its end.
std::uint64_t chain_length(std::uint64_t object_bytes, std::uint64_t page_bytes, unsigned limit) {
  if (std::has_single_bit(object_bytes)) return 1;
  std::uint64_t best = 1;
  std::uint64_t least = page_bytes;
  for (std::uint64_t pages = 1; pages <= limit; ++pages) {
    const std::uint64_t unused = pages * page_bytes % object_bytes;
    if (unused < least) {
      least = unused;
      best = pages;
    }
  }
  return best;
}

}  // namespace

PoolModel::PoolModel(std::uint64_t page_bytes, unsigned chain_limit)
    : page_bytes_(page_bytes), step_bytes_(page_bytes / kStepsInAPage), huge_limit_bytes_(page_bytes) {
  CHECK(step_bytes_ > 0);
  const std::uint64_t steps = (page_bytes_ - kLeastObjectBytes + step_bytes_ - 1) / step_bytes_ + 1;
  of_index_.resize(steps);
  bool huge_known = false;
  for (std::uint64_t index = steps; index-- > 0;) {
    const std::uint64_t bytes = std::min(kLeastObjectBytes + index * step_bytes_, page_bytes_);
    const std::uint64_t pages = chain_length(bytes, page_bytes_, std::max(1u, chain_limit));
    const std::uint64_t objects = pages * page_bytes_ / bytes;
    if (!huge_known && pages != 1 && objects != 1) {
      huge_known = true;
      huge_limit_bytes_ = bytes - (kHandleBytes - 1);
    }
    const bool alike =
        !classes_.empty() && classes_.back().chain_pages == pages && classes_.back().chain_objects == objects;
    if (!alike) classes_.push_back({bytes, pages, objects});
    of_index_[index] = classes_.size() - 1;
  }
}

std::size_t PoolModel::class_of(std::uint64_t bytes) const {
  bytes += kHandleBytes;
  std::uint64_t index = 0;
  if (bytes > kLeastObjectBytes) index = (bytes - kLeastObjectBytes + step_bytes_ - 1) / step_bytes_;
  return of_index_[std::min<std::uint64_t>(index, of_index_.size() - 1)];
}

}  // namespace isotach::memory
