#include "memory/compression/estimate.h"

#include <algorithm>
#include <cmath>

namespace isotach::memory {

PoolSample::PoolSample(const PoolModel& model, std::uint64_t page_bytes)
    : model_(model), page_bytes_(page_bytes), by_class_(model.classes().size(), 0) {}

void PoolSample::add_same_filled() {
  ++count_;
  ++same_filled_;
}

void PoolSample::add(std::uint64_t compressed_bytes) {
  ++count_;
  if (compressed_bytes >= model_.huge_limit_bytes()) {
    ++incompressible_;
    compressed_bytes = page_bytes_;
  }
  data_bytes_ += static_cast<double>(compressed_bytes);
  const std::size_t number = model_.class_of(compressed_bytes);
  ++by_class_[number];
  const PoolModel::Class& in = model_.classes()[number];
  const double share =
      static_cast<double>(in.chain_pages * page_bytes_) / static_cast<double>(in.chain_objects);
  share_sum_ += share;
  share_squares_ += share * share;
}

PoolEstimate PoolSample::estimate(std::uint64_t pages) const {
  PoolEstimate estimate;
  if (count_ == 0) return estimate;
  const auto count = static_cast<double>(count_);
  const auto all = static_cast<double>(pages);
  const double mean = share_sum_ / count;
  const double variance = std::max(0.0, share_squares_ / count - mean * mean);
  constexpr double kDeviations = 1.96;
  const double error =
      kDeviations * std::sqrt(variance / count * std::max(0.0, 1 - count / std::max(all, 1.0))) * all;
  double begun_bytes = 0;
  for (std::size_t i = 0; i < by_class_.size(); ++i) {
    const PoolModel::Class& in = model_.classes()[i];
    if (by_class_[i] == 0 || in.chain_objects == 1) continue;
    begun_bytes += 0.5 * static_cast<double>(in.chain_pages * page_bytes_);
  }
  estimate.data_bytes = data_bytes_ / count * all;
  estimate.pool_bytes = mean * all + begun_bytes;
  estimate.low_bytes = std::max(0.0, mean * all - error);
  estimate.high_bytes = mean * all + error + 2 * begun_bytes;
  estimate.same_filled = static_cast<double>(same_filled_) / count;
  estimate.incompressible = static_cast<double>(incompressible_) / count;
  return estimate;
}

}  // namespace isotach::memory
