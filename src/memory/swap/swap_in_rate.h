// How fast pages come back from swap on this machine, measured: a few of those that are out are read, as
// BringBack reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "memory/swap/users.h"

namespace isotach::memory {

struct SwapInRate {
  double bytes_per_second = 0;
  std::uint64_t bytes = 0;  // that were brought back for it
};

// Brings back at most 8 MiB of the largest users of swap, for at most 200 ms. `spared` are control groups
// that shall not be charged. Nothing where too little can be read to go by.
[[nodiscard]] std::optional<SwapInRate> measure_swap_in(const std::vector<SwapProcess>& users,
                                                        const std::set<std::string>& spared);

}  // namespace isotach::memory
