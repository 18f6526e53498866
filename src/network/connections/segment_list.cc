#include "network/connections/segment_list.h"

#include "base/check.h"

namespace isotach::network {

// Room for one more at the end: what was taken from the front is used again before memory grows.
void SegmentList::make_room() {
  if (head_ + count_ < capacity_) return;
  if (head_ > 0 && head_ >= capacity_ / 4) {
    std::memmove(items_, items_ + head_, count_ * sizeof(SentSegment));
    head_ = 0;
    return;
  }
  const std::uint32_t grown = capacity_ == 0 ? 2 : capacity_ * 2;
  void* moved = std::realloc(items_, grown * sizeof(SentSegment));
  CHECK(moved != nullptr);
  items_ = static_cast<SentSegment*>(moved);
  capacity_ = grown;
}

void SegmentList::insert(std::uint32_t index, const SentSegment& segment) {
  make_room();
  SentSegment* at = items_ + head_ + index;
  if (index < count_) std::memmove(at + 1, at, (count_ - index) * sizeof(SentSegment));
  *at = segment;
  ++count_;
}

void SegmentList::erase(std::uint32_t index) {
  SentSegment* at = items_ + head_ + index;
  if (index == 0) {
    ++head_;
  } else {
    std::memmove(at, at + 1, (count_ - index - 1) * sizeof(SentSegment));
  }
  --count_;
  if (count_ == 0) head_ = 0;
}

}  // namespace isotach::network
