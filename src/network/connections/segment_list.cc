#include "network/connections/segment_list.h"

#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace isotach::network {

// The smallest blocks are pieces of a store.
void SegmentList::release() {
  if (capacity() == kFirst) {
    FirstBlocks::give(block_);
  } else {
    std::free(block_);
  }
}

// What there is begins where the room does.
void SegmentList::resize(std::uint32_t wanted) {
  const std::uint32_t count = size();
  const std::size_t bytes = sizeof(Block) + wanted * sizeof(SentSegment);
  void* memory = nullptr;
  if (block_ == nullptr) {
    memory = FirstBlocks::take();
  } else if (capacity() == kFirst) {
    memory = std::malloc(bytes);
    CHECK(memory != nullptr);
    std::memcpy(memory, block_, kFirstBytes);
    FirstBlocks::give(block_);
  } else {
    memory = std::realloc(block_, bytes);
    CHECK(memory != nullptr);
  }
  block_ = static_cast<Block*>(memory);
  block_->begin = block_->room();
  block_->end = block_->begin + count;
  block_->limit = block_->begin + wanted;
}

// Room for one more at the end: what was taken from the front is used again before memory grows.
void SegmentList::make_room() {
  if (block_ == nullptr) return resize(kFirst);
  SentSegment* const room = block_->room();
  const auto taken = static_cast<std::uint32_t>(block_->begin - room);
  const std::uint32_t count = size();
  std::memmove(room, block_->begin, count * sizeof(SentSegment));
  block_->begin = room;
  block_->end = room + count;
  if (taken == 0 || taken < capacity() / 4) resize(capacity() + capacity() / 2 + 2);
}

}  // namespace isotach::network
