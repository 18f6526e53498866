// How fast pages come back from swap on this machine, measured: a few of those that are out are read, next
// to each other, as swapoff(2) reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/system_root.h"
#include "memory/swap/users.h"

namespace isotach::memory {

struct SwapInRate {
  double bytes_per_second = 0;
  std::uint64_t bytes = 0;  // that were brought back for it
};

// Brings back at most 4 MiB of the largest users of swap, for at most 200 ms. `spared` are control groups
// that shall not be charged. Nothing where no page can be read: then there is nothing to go by.
[[nodiscard]] std::optional<SwapInRate> measure_swap_in(const std::vector<SwapProcess>& users,
                                                        const std::set<std::string>& spared);

}  // namespace isotach::memory
