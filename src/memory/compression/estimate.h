// What a pool of compressed pages would take for many pages, from a sample of them. Pure.
//
// Each page of the sample takes its share of a chain of its class: the mean of these shares, times the
// number of all pages, is the estimate, with the usual interval of a mean (95 %). To it comes, for each class
// in use, what stays empty in its last chain: little for much memory, a tenth for some ten MiB.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "memory/compression/pool_model.h"

namespace isotach::memory {

struct PoolEstimate {
  double data_bytes = 0;  // compressed, without what the pool adds: compr_data_size of zram's mm_stat
  double pool_bytes = 0;  // mem_used_total of it
  double low_bytes = 0;   // of pool_bytes, 95 %
  double high_bytes = 0;
  double same_filled = 0;     // the part of the pages that one word fills
  double incompressible = 0;  // the part that is stored as it is
};

class PoolSample {
 public:
  PoolSample(const PoolModel& model, std::uint64_t page_bytes);

  void add_same_filled();
  void add(std::uint64_t compressed_bytes);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  // For so many pages of the kind of which the sample was taken.
  [[nodiscard]] PoolEstimate estimate(std::uint64_t pages) const;

 private:
  const PoolModel& model_;
  std::uint64_t page_bytes_;
  std::uint64_t count_ = 0;
  std::uint64_t same_filled_ = 0;
  std::uint64_t incompressible_ = 0;
  double data_bytes_ = 0;
  double share_sum_ = 0;
  double share_squares_ = 0;
  std::vector<std::uint64_t> by_class_;
};

}  // namespace isotach::memory
