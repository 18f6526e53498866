// A histogram of durations or sizes over the whole range of 64 bits: 64 buckets for each power of two, so
// that every value read from it is within 1/64 (1.6 %) of one that was added. Below 64 it is exact.
//
// Adding takes a few nanoseconds and never allocates. Not for several threads: give each its own, and merge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace isotach {

class Histogram {
 public:
  Histogram();

  void add(std::uint64_t value);
  // The same value `count` times.
  void add(std::uint64_t value, std::uint64_t count);
  void merge(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  // Exact; 0 where nothing was added.
  [[nodiscard]] std::uint64_t minimum() const { return count_ == 0 ? 0 : minimum_; }
  [[nodiscard]] std::uint64_t maximum() const { return maximum_; }
  [[nodiscard]] double mean() const;
  // The smallest value that at least `share` (0..1) of all values do not exceed, to the precision above:
  // the upper end of its bucket, never more than maximum().
  [[nodiscard]] std::uint64_t quantile(double share) const;

  // (bucket, count) of the buckets that hold something, in order: how a histogram travels.
  [[nodiscard]] std::vector<std::pair<std::uint32_t, std::uint64_t>> buckets() const;
  // From what buckets() gave; minimum, maximum and mean to the precision above. False where a bucket does not
  // exist.
  [[nodiscard]] bool add_bucket(std::uint32_t bucket, std::uint64_t count);
  // The largest value that belongs to the bucket.
  [[nodiscard]] static std::uint64_t upper_end(std::uint32_t bucket);

 private:
  [[nodiscard]] static std::uint32_t bucket_of(std::uint64_t value);

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t minimum_ = ~std::uint64_t{0};
  std::uint64_t maximum_ = 0;
  double sum_ = 0;
};

}  // namespace isotach
