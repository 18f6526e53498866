#include "memory/compression/estimate.h"

#include <algorithm>
#include <cmath>

namespace isotach::memory {
namespace {

// Places that stay empty in the last chain of a class, when `objects` are expected in it (Poisson) and a
// chain holds `chain_objects`.
double empty_places(double objects, double chain_objects) {
  if (objects <= 0) return 0;
  if (objects > 3 * chain_objects) return (chain_objects - 1) / 2;
  double probability = std::exp(-objects);
  double places = 0;
  const auto last = static_cast<int>(objects + 8 * std::sqrt(objects) + 10);
  for (int count = 1; count <= last; ++count) {
    probability *= objects / count;
    places += probability * std::ceil(count / chain_objects) * chain_objects;
  }
  return std::max(0.0, places - objects);
}

// How many of the sample are in a class: where they are few, as in its neighbours, since the sample misses
// some classes and meets others by chance.
double smoothed(const std::vector<std::uint64_t>& counts, std::size_t at) {
  constexpr std::uint64_t kEnough = 5;
  constexpr std::size_t kReach = 4;
  if (counts[at] >= kEnough) return static_cast<double>(counts[at]);
  double sum = 0;
  double classes = 0;
  const std::size_t first = at < kReach ? 0 : at - kReach;
  for (std::size_t i = first; i < std::min(counts.size(), at + kReach + 1); ++i) {
    if (counts[i] >= kEnough) continue;
    sum += static_cast<double>(counts[i]);
    ++classes;
  }
  return sum / classes;
}

}  // namespace

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
    if (in.chain_objects == 1) continue;
    const auto chain_objects = static_cast<double>(in.chain_objects);
    const double place_bytes = static_cast<double>(in.chain_pages * page_bytes_) / chain_objects;
    begun_bytes += empty_places(smoothed(by_class_, i) / count * all, chain_objects) * place_bytes;
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
