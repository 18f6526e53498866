// Which blocks of the counting program, or of the ring's counters, belong to interfaces. Both sources count
// into two buffers in turns, so the block of an interface that has gone is read twice more before it is given
// again.
//
// Thread rules: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "network/traffic/accounts.h"

namespace isotach::network {

class CountingBlocks {
 public:
  explicit CountingBlocks(std::size_t count) : taken_(count) {}

  // One that nobody has; nothing when all are taken.
  [[nodiscard]] std::optional<unsigned> find_free() const {
    for (std::size_t block = 0; block < taken_.size(); ++block)
      if (!taken_[block]) return static_cast<unsigned>(block);
    return std::nullopt;
  }
  void take(unsigned block) { taken_[block] = true; }

  // Its interface has gone.
  void leave(unsigned block) { leaving_.push_back({block, kReads}); }

  // After each reading: gives free what was read often enough.
  void note_read(TrafficAccounts& accounts) {
    std::erase_if(leaving_, [&](Leaving& leaving) {
      if (--leaving.reads != 0) return false;
      accounts.assign_block(leaving.block, kNoRow);
      taken_[leaving.block] = false;
      return true;
    });
  }

 private:
  static constexpr int kReads = 2;
  struct Leaving {
    unsigned block;
    int reads;
  };

  std::vector<bool> taken_;
  std::vector<Leaving> leaving_;
};

}  // namespace isotach::network
