// Pieces of sequence space that a capture has seen one side send, in order and without overlap.
// What is acknowledged and adjoins is one piece, so that a flow in good order keeps a handful.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>

namespace isotach::network {

struct SentSegment {
  std::uint32_t first = 0;   // sequence number of the first byte
  std::uint32_t last = 0;    // and of the last
  std::int64_t time_ns = 0;  // of its latest transmission
  std::uint8_t acked = 0;    // how often acknowledged in a row; 0: still outstanding
  std::uint8_t retransmitted = 0;
  std::uint16_t ip_id = 0;      // of its first transmission
  std::uint32_t timestamp = 0;  // its TCP timestamp, of the first transmission
};
static_assert(sizeof(SentSegment) == 24);

// A queue in one block of memory: grows at its end, shrinks at its front, both in constant time. The list
// itself is a pointer, for a connection has eight of them and needs two.
class SegmentList {
 public:
  SegmentList() = default;
  SegmentList(SegmentList&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SegmentList& operator=(SegmentList&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  SegmentList(const SegmentList&) = delete;
  SegmentList& operator=(const SegmentList&) = delete;
  ~SegmentList() { std::free(block_); }

  [[nodiscard]] std::uint32_t size() const { return block_ == nullptr ? 0 : block_->count; }
  [[nodiscard]] SentSegment& operator[](std::uint32_t index) { return front()[index]; }
  [[nodiscard]] const SentSegment& operator[](std::uint32_t index) const { return front()[index]; }

  // Until one is inserted or erased.
  [[nodiscard]] std::span<SentSegment> all() {
    return block_ == nullptr ? std::span<SentSegment>() : std::span<SentSegment>(front(), block_->count);
  }

  void insert(std::uint32_t index, const SentSegment& segment) {
    if (block_ == nullptr || block_->head + block_->count == block_->capacity) make_room();
    SentSegment* at = front() + index;
    if (index < block_->count) std::memmove(at + 1, at, (block_->count - index) * sizeof(SentSegment));
    *at = segment;
    ++block_->count;
  }
  void erase(std::uint32_t index) {
    if (index == 0) {
      ++block_->head;
    } else {
      SentSegment* at = front() + index;
      std::memmove(at, at + 1, (block_->count - index - 1) * sizeof(SentSegment));
    }
    if (--block_->count == 0) block_->head = 0;
  }

 private:
  struct Block {
    std::uint32_t head;
    std::uint32_t count;
    std::uint32_t capacity;
  };
  static constexpr std::size_t kHead = 16;  // the block, and what the alignment of segments needs

  [[nodiscard]] SentSegment* front() const {
    return reinterpret_cast<SentSegment*>(reinterpret_cast<char*>(block_) + kHead) + block_->head;
  }
  void resize(std::uint32_t capacity);
  void make_room();

  Block* block_ = nullptr;
};

}  // namespace isotach::network
