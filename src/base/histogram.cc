#include "base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"

namespace isotach {
namespace {

constexpr int kBits = 6;
constexpr std::uint32_t kPerPower = 1u << kBits;
// Values below kPerPower have a bucket each, then one row of kPerPower buckets for each higher power of two.
constexpr std::uint32_t kBuckets = kPerPower * (64 - kBits + 1);

}  // namespace

Histogram::Histogram() : counts_(kBuckets) {}

std::uint32_t Histogram::bucket_of(std::uint64_t value) {
  if (value < kPerPower) return static_cast<std::uint32_t>(value);
  const int shift = static_cast<int>(std::bit_width(value)) - 1 - kBits;
  return static_cast<std::uint32_t>(shift + 1) * kPerPower +
         static_cast<std::uint32_t>((value >> shift) - kPerPower);
}

std::uint64_t Histogram::upper_end(std::uint32_t bucket) {
  CHECK(bucket < kBuckets);
  if (bucket < kPerPower) return bucket;
  const std::uint32_t shift = bucket / kPerPower - 1;
  const std::uint64_t first = std::uint64_t{bucket % kPerPower + kPerPower} << shift;
  return first + ((std::uint64_t{1} << shift) - 1);
}

void Histogram::add(std::uint64_t value) {
  ++counts_[bucket_of(value)];
  ++count_;
  minimum_ = std::min(minimum_, value);
  maximum_ = std::max(maximum_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::add(std::uint64_t value, std::uint64_t count) {
  if (count == 0) return;
  counts_[bucket_of(value)] += count;
  count_ += count;
  minimum_ = std::min(minimum_, value);
  maximum_ = std::max(maximum_, value);
  sum_ += static_cast<double>(value) * static_cast<double>(count);
}

bool Histogram::add_bucket(std::uint32_t bucket, std::uint64_t count) {
  if (bucket >= kBuckets) return false;
  add(upper_end(bucket), count);
  return true;
}

void Histogram::merge(const Histogram& other) {
  for (std::uint32_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  minimum_ = std::min(minimum_, other.minimum_);
  maximum_ = std::max(maximum_, other.maximum_);
  sum_ += other.sum_;
}

double Histogram::mean() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::uint64_t Histogram::quantile(double share) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_));
  std::uint64_t seen = 0;
  for (std::uint32_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (counts_[i] != 0 && static_cast<double>(seen) >= wanted)
      return std::clamp(upper_end(i), minimum_, maximum_);
  }
  return maximum_;
}

std::vector<std::pair<std::uint32_t, std::uint64_t>> Histogram::buckets() const {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> filled;
  for (std::uint32_t i = 0; i < kBuckets; ++i)
    if (counts_[i] != 0) filled.emplace_back(i, counts_[i]);
  return filled;
}

}  // namespace isotach
