// A list that is seldom longer than N: so many lie within it, and only more take memory from the heap. For
// plain data.
//
// Thread rules: the owner's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <type_traits>

namespace isotach::dbi {

template <class T, size_t N>
class ShortList {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  ShortList() = default;
  ShortList(std::initializer_list<T> values) { insert(begin(), values); }
  ShortList(const ShortList& other) { *this = other; }
  ShortList(ShortList&& other) noexcept { *this = std::move(other); }
  ~ShortList() = default;

  ShortList& operator=(const ShortList& other) {
    if (this == &other) return *this;
    size_ = 0;
    reserve(other.size_);
    std::copy(other.begin(), other.end(), begin());
    size_ = other.size_;
    return *this;
  }
  ShortList& operator=(ShortList&& other) noexcept {
    if (this == &other) return *this;
    size_ = other.size_;
    capacity_ = other.capacity_;
    heap_ = std::move(other.heap_);
    if (heap_ == nullptr) std::copy(other.near_, other.near_ + size_, near_);
    other.size_ = 0;
    other.capacity_ = N;
    return *this;
  }

  T* begin() { return heap_ ? heap_.get() : near_; }
  T* end() { return begin() + size_; }
  const T* begin() const { return heap_ ? heap_.get() : near_; }
  const T* end() const { return begin() + size_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return begin()[i]; }
  const T& operator[](size_t i) const { return begin()[i]; }

  void clear() { size_ = 0; }
  void push_back(const T& value) {
    const T copy = value;
    reserve(size_ + 1);
    begin()[size_++] = copy;
  }
  void insert(const T* before, std::initializer_list<T> values) {
    insert(before, values.begin(), values.end());
  }
  // From elsewhere.
  void insert(const T* before, const T* first, const T* last) {
    const auto at = static_cast<size_t>(before - begin());
    const auto count = static_cast<size_t>(last - first);
    reserve(size_ + count);
    T* const all = begin();
    std::copy_backward(all + at, all + size_, all + size_ + count);
    std::copy(first, last, all + at);
    size_ += count;
  }

 private:
  void reserve(size_t size) {
    if (size <= capacity_) return;
    const size_t capacity = std::max(size, capacity_ * 2);
    std::unique_ptr<T[]> larger(new T[capacity]);
    std::copy(begin(), end(), larger.get());
    heap_ = std::move(larger);
    capacity_ = capacity;
  }

  size_t size_ = 0;
  size_t capacity_ = N;
  std::unique_ptr<T[]> heap_;
  T near_[N];
};

}  // namespace isotach::dbi
