// A set of addresses as disjoint intervals, of a fixed capacity, that allocates nothing.
//
// Thread rules: none; the owner locks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace isotach::dbi {

struct Interval {
  uint64_t low = 0, high = 0;  // high is not in it
};

template <size_t capacity>
class IntervalSet {
 public:
  // Intervals that touch become one. False when there is no room; the set is as it was.
  bool add(uint64_t low, uint64_t high) {
    if (low >= high) return true;
    size_t first = 0;
    while (first < count_ && intervals_[first].high < low) first++;
    size_t last = first;
    while (last < count_ && intervals_[last].low <= high) {
      if (intervals_[last].low < low) low = intervals_[last].low;
      if (intervals_[last].high > high) high = intervals_[last].high;
      last++;
    }
    if (!replace(first, last, 1)) return false;
    intervals_[first] = {low, high};
    return true;
  }

  // False when there is no room for the two halves of an interval; the set is as it was.
  bool remove(uint64_t low, uint64_t high) {
    if (low >= high) return true;
    size_t first = 0;
    while (first < count_ && intervals_[first].high <= low) first++;
    size_t last = first;
    while (last < count_ && intervals_[last].low < high) last++;
    if (first == last) return true;
    const Interval before{intervals_[first].low, low};
    const Interval after{high, intervals_[last - 1].high};
    const bool keeps_before = before.low < before.high, keeps_after = after.low < after.high;
    if (!replace(first, last, keeps_before + keeps_after)) return false;
    if (keeps_before) intervals_[first++] = before;
    if (keeps_after) intervals_[first] = after;
    return true;
  }

  [[nodiscard]] bool contains(uint64_t address) const {
    size_t low = 0, high = count_;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (intervals_[middle].high <= address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < count_ && intervals_[low].low <= address;
  }

  [[nodiscard]] size_t size() const { return count_; }
  const Interval& operator[](size_t index) const { return intervals_[index]; }

 private:
  // Makes room for `wanted` intervals in place of those from `first` to `last`.
  bool replace(size_t first, size_t last, size_t wanted) {
    const size_t count = count_ - (last - first) + wanted;
    if (count > capacity) return false;
    if (first + wanted < last) {
      for (size_t i = last; i < count_; i++) intervals_[first + wanted + i - last] = intervals_[i];
    } else {
      for (size_t i = count_; i-- > last;) intervals_[first + wanted + i - last] = intervals_[i];
    }
    count_ = count;
    return true;
  }

  size_t count_ = 0;
  Interval intervals_[capacity];
};

}  // namespace isotach::dbi
