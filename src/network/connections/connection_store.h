// The connections of a tracker, which never move: blocks of memory, each as large as all before it together.
// What is not used of a block is not touched, and costs nothing.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <new>
#include <utility>

#include "network/connections/connection.h"

namespace isotach::network {

class ConnectionStore {
 public:
  ConnectionStore() = default;
  ConnectionStore(ConnectionStore&& other) noexcept
      : blocks_(std::exchange(other.blocks_, {})), size_(std::exchange(other.size_, 0)) {}
  ConnectionStore& operator=(ConnectionStore&&) = delete;
  ConnectionStore(const ConnectionStore&) = delete;
  ConnectionStore& operator=(const ConnectionStore&) = delete;
  ~ConnectionStore();

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Connection& operator[](std::size_t index) const {
    const Place place = place_of(index);
    return blocks_[place.block][place.offset];
  }
  // Begins one.
  Connection& add() {
    const Place place = place_of(size_);
    if (place.offset == 0) blocks_[place.block] = new_block(place.block);
    ++size_;
    return *new (&blocks_[place.block][place.offset]) Connection;
  }

 private:
  static constexpr unsigned kFirstBits = 5;  // the first block has 32
  // Connections are numbered in 32 bits.
  static constexpr std::size_t kMostBlocks = 28;

  struct Place {
    unsigned block;
    std::size_t offset;
  };
  [[nodiscard]] static std::size_t room_of(unsigned block) {
    return std::size_t{1} << (block == 0 ? kFirstBits : kFirstBits + block - 1);
  }
  // Block n > 0 has those from 32 << (n - 1) on, as many.
  [[nodiscard]] static Place place_of(std::size_t index) {
    const auto block = static_cast<unsigned>(std::bit_width(index >> kFirstBits));
    const std::size_t first = block == 0 ? 0 : room_of(block);
    return {block, index - first};
  }
  [[nodiscard]] static Connection* new_block(unsigned block);

  std::array<Connection*, kMostBlocks> blocks_{};
  std::size_t size_ = 0;
};

}  // namespace isotach::network
