// Subtracting counters. Nobody subtracts by hand: counters wrap, and they start again when a
// device or module is reloaded.
#pragma once

#include <cstdint>
#include <optional>

namespace isotach {

// Growth of a counter `width_bits` wide (32 or 64) between two readings. A 32-bit counter that went
// backwards by more than half of its range has wrapped; any other backward step is a reset, which
// has no known growth: nullopt. A 64-bit counter near its end wraps the same way.
[[nodiscard]] constexpr std::optional<std::uint64_t> counter_growth(std::uint64_t before, std::uint64_t after,
                                                                    int width_bits = 64) {
  if (after >= before) return after - before;
  const std::uint64_t mask = width_bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width_bits) - 1;
  const std::uint64_t wrapped = (after - before) & mask;
  if (before > mask || wrapped > mask / 2) return std::nullopt;
  return wrapped;
}

}  // namespace isotach
