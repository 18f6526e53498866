// Pieces of sequence space that a capture has seen one side send, in order and without overlap.
// What is acknowledged and adjoins is one piece, so that a flow in good order keeps a handful.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "network/connections/piece_store.h"

namespace isotach::network {

struct SentSegment {
  std::uint32_t first = 0;   // sequence number of the first byte
  std::uint32_t last = 0;    // and of the last
  std::int64_t time_ns = 0;  // of its latest transmission
  std::uint8_t acked = 0;    // how often acknowledged in a row; 0: still outstanding
  std::uint8_t retransmitted = 0;
  // When it was sent first, as far as these tell: IP id (of IPv6, which has none, the low half of the TCP
  // timestamp that it echoes), and its own TCP timestamp. Of what came late: those of the segment above it,
  // for it would have been sent before that.
  std::uint16_t order = 0;
  std::uint32_t timestamp = 0;
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
  ~SegmentList() {
    if (block_ != nullptr) release();
  }

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(all().size()); }
  [[nodiscard]] bool empty() const { return block_ == nullptr || block_->begin == block_->end; }
  [[nodiscard]] SentSegment& operator[](std::uint32_t index) { return block_->begin[index]; }
  [[nodiscard]] const SentSegment& operator[](std::uint32_t index) const { return block_->begin[index]; }

  // Until one is inserted or erased.
  [[nodiscard]] std::span<SentSegment> all() const {
    return block_ == nullptr ? std::span<SentSegment>() : std::span<SentSegment>(block_->begin, block_->end);
  }
  [[nodiscard]] SentSegment* begin() const { return block_ == nullptr ? nullptr : block_->begin; }
  [[nodiscard]] SentSegment* end() const { return block_ == nullptr ? nullptr : block_->end; }

  void insert(std::uint32_t index, const SentSegment& segment) {
    const SentSegment copy = segment;  // it may be one of them
    const std::uint32_t behind = size() - index;
    SentSegment* const end = extend();
    SentSegment* const at = end - behind;
    if (behind > 0) std::memmove(at + 1, at, behind * sizeof(SentSegment));
    *at = copy;
  }
  // Room for one more at the end, to be filled.
  [[gnu::always_inline]] SentSegment* extend() {
    if (block_ == nullptr || block_->end == block_->limit) [[unlikely]]
      make_room();
    return block_->end++;
  }
  void erase(std::uint32_t index) {
    if (index == 0) return drop_front(1);
    SentSegment* at = block_->begin + index;
    std::memmove(at, at + 1, static_cast<std::size_t>(block_->end - at - 1) * sizeof(SentSegment));
    --block_->end;
  }
  // Takes the first `number` away, of at least as many.
  void drop_front(std::uint32_t number) { block_->begin += number; }

 private:
  struct Block {
    SentSegment* begin;
    SentSegment* end;
    SentSegment* limit;

    // What stands behind the block.
    [[nodiscard]] SentSegment* room() { return reinterpret_cast<SentSegment*>(this + 1); }
  };

  // Of many short connections most lists need no more: blocks of this size come from a store.
  static constexpr std::uint32_t kFirst = 3;
  static constexpr std::size_t kFirstBytes = sizeof(Block) + kFirst * sizeof(SentSegment);
  using FirstBlocks = PieceStore<kFirstBytes>;

  [[nodiscard]] std::uint32_t capacity() const {
    return static_cast<std::uint32_t>(block_->limit - block_->room());
  }
  void release();
  void resize(std::uint32_t wanted);
  [[gnu::noinline]] void make_room();

  Block* block_ = nullptr;
};

}  // namespace isotach::network
