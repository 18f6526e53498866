// The pages of processes that are in swap, and bringing them back, a few at a time.
//
// swapoff(2) looks whether it shall stop only between two processes: with one large process it cannot be
// stopped for as long as that takes. So most is brought back beforehand, by reading it: that can be stopped
// at any moment, and is quicker, because the kernel reads ahead. What is left for swapoff is in memory by
// then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "kernel/process_memory.h"

namespace isotach::memory {

// In the order of their addresses, at most `limit`; only those of the areas whose numbers are in `areas`,
// where it is given. Empty where the process may not be read.
[[nodiscard]] std::vector<std::uint64_t> find_swapped_pages(unsigned pid, std::size_t limit,
                                                            const std::optional<std::set<unsigned>>& areas);

class BringBack {
 public:
  // The processes in the order in which they are read.
  BringBack(std::vector<unsigned> pids, std::optional<std::set<unsigned>> areas);

  // Reads the next pages, some 256 KiB. Returns the bytes that came back, which may be 0; nothing when all
  // that can be read is back.
  [[nodiscard]] std::optional<std::uint64_t> step();

 private:
  static constexpr std::size_t kAtOnce = 64;
  static constexpr std::size_t kPagesOfOne = std::size_t{1} << 20;

  std::vector<unsigned> pids_;  // the last one is next
  std::optional<std::set<unsigned>> areas_;
  std::optional<kernel::ProcessMemory> process_;
  std::vector<std::uint64_t> pages_;  // of it
  std::size_t next_ = 0;
  std::vector<bool> readable_;
};

}  // namespace isotach::memory
