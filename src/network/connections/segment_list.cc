#include "network/connections/segment_list.h"

#include "base/check.h"

namespace isotach::network {

// What there is begins where the room does.
void SegmentList::resize(std::uint32_t capacity) {
  const std::uint32_t count = size();
  auto* const block =
      static_cast<Block*>(std::realloc(block_, sizeof(Block) + capacity * sizeof(SentSegment)));
  CHECK(block != nullptr);
  block_ = block;
  block->begin = block->room();
  block->end = block->begin + count;
  block->limit = block->begin + capacity;
}

// Room for one more at the end: what was taken from the front is used again before memory grows.
void SegmentList::make_room() {
  constexpr std::uint32_t kFirst = 3;
  if (block_ == nullptr) return resize(kFirst);
  SentSegment* const room = block_->room();
  const auto capacity = static_cast<std::uint32_t>(block_->limit - room);
  const auto taken = static_cast<std::uint32_t>(block_->begin - room);
  const std::uint32_t count = size();
  std::memmove(room, block_->begin, count * sizeof(SentSegment));
  block_->begin = room;
  block_->end = room + count;
  if (taken == 0 || taken < capacity / 4) resize(capacity + capacity / 2 + 2);
}

}  // namespace isotach::network
