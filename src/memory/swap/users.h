// Who uses swap: sums over processes, groups and areas, checked against what is used in all. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/value.h"

namespace isotach::memory {

struct SwapProcess {
  unsigned pid = 0;
  std::string command;
  std::string group;  // its memory control group; empty where there is none
  // Entries of its page tables: pages it shares with others through fork() count in each.
  std::uint64_t swap_bytes = 0;
  Value share_bytes;  // its share of them (SwapPss); missing where it may not be read
  // Pages by the kernel's number of the area; empty where they may not be read.
  std::map<unsigned, std::uint64_t> pages_by_area;

  [[nodiscard]] std::uint64_t counted_bytes() const {
    return share_bytes.is_missing() ? swap_bytes : share_bytes.as_unsigned();
  }
};

enum class SwapOrder { swap, share, pid, name };

void sort_users(std::vector<SwapProcess>& processes, SwapOrder order);

// What the processes account for, and what is left. A page in the swap cache may or may not be counted by
// its process, which knows only where its page tables point; so the rest is known within bounds.
struct SwapAccount {
  std::uint64_t used_bytes = 0;
  Value cached_bytes;  // in memory as well
  std::uint64_t process_bytes = 0;
  std::uint64_t rest_bytes = 0;        // used, less the processes
  std::uint64_t least_rest_bytes = 0;  // and less all of the swap cache: this is surely somebody else's
  // The processes have more than is used: pages came back while they were counted, or one that is shared
  // was counted for each.
  std::uint64_t excess_bytes = 0;
};
[[nodiscard]] SwapAccount account_for(std::uint64_t used_bytes, const Value& cached_bytes,
                                      const std::vector<SwapProcess>& processes);

// Which number the kernel has given to each area: index in /proc/swaps -> number. The file lists areas in
// the order of their numbers but not the numbers, and a number whose area was switched off is free until
// the next one takes it. Nothing where more than one answer is possible.
[[nodiscard]] std::optional<std::vector<unsigned>> number_areas(
    const std::vector<std::uint64_t>& used_pages, const std::map<unsigned, std::uint64_t>& pages_by_number);

}  // namespace isotach::memory
