#include "network/connections/segment_list.h"

#include "base/check.h"

namespace isotach::network {

void SegmentList::resize(std::uint32_t capacity) {
  const bool is_new = block_ == nullptr;
  void* moved = std::realloc(block_, kHead + capacity * sizeof(SentSegment));
  CHECK(moved != nullptr);
  block_ = static_cast<Block*>(moved);
  if (is_new) *block_ = {};
  block_->capacity = capacity;
}

// Room for one more at the end: what was taken from the front is used again before memory grows.
void SegmentList::make_room() {
  constexpr std::uint32_t kFirst = 3;
  if (block_ == nullptr) return resize(kFirst);
  if (block_->head > 0 && block_->head >= block_->capacity / 4) {
    SentSegment* items = front() - block_->head;
    std::memmove(items, front(), block_->count * sizeof(SentSegment));
    block_->head = 0;
    return;
  }
  resize(block_->capacity + block_->capacity / 2 + 2);
}

}  // namespace isotach::network
