// Pieces of sequence space that a capture has seen one side send, in order and without overlap.
// What is acknowledged and adjoins is one piece, so that a flow in good order keeps a handful.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
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

// A queue in one block of memory: grows at its end, shrinks at its front, both in constant time.
class SegmentList {
 public:
  SegmentList() = default;
  SegmentList(SegmentList&& other) noexcept { swap(other); }
  SegmentList& operator=(SegmentList&& other) noexcept {
    swap(other);
    return *this;
  }
  SegmentList(const SegmentList&) = delete;
  SegmentList& operator=(const SegmentList&) = delete;
  ~SegmentList() { std::free(items_); }

  [[nodiscard]] std::uint32_t size() const { return count_; }
  [[nodiscard]] SentSegment& operator[](std::uint32_t index) { return items_[head_ + index]; }
  [[nodiscard]] const SentSegment& operator[](std::uint32_t index) const { return items_[head_ + index]; }

  void insert(std::uint32_t index, const SentSegment& segment);
  void erase(std::uint32_t index);
  void clear() { head_ = count_ = 0; }
  [[nodiscard]] std::size_t bytes() const { return capacity_ * sizeof(SentSegment); }

 private:
  void swap(SegmentList& other) {
    std::swap(items_, other.items_);
    std::swap(head_, other.head_);
    std::swap(count_, other.count_);
    std::swap(capacity_, other.capacity_);
  }
  void make_room();

  SentSegment* items_ = nullptr;
  std::uint32_t head_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace isotach::network
