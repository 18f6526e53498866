// The head of a swap area: its first page, as mkswap(8) writes it and swapon(2) reads it (kernel:
// include/linux/swap.h, union swap_header).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isotach::kernel {

struct SwapHeader {
  std::uint32_t page_bytes = 4096;  // of the machine that uses it: others cannot
  std::uint32_t last_page = 0;      // pages of the area, less one: the first holds the head
  std::uint32_t bad_pages = 0;
  std::array<std::uint8_t, 16> uuid{};
  std::string label;  // at most 15 bytes

  friend bool operator==(const SwapHeader&, const SwapHeader&) = default;
};

inline constexpr std::size_t kSwapLabelLimit = 15;
// mkswap makes none that is smaller, and the kernel refuses one without a page beside the head.
inline constexpr std::uint64_t kSmallestSwapPages = 10;

// What the head says of what lies there.
enum class SwapSignature {
  none,
  swap,        // a swap area
  old_swap,    // of the first version, which no kernel of today takes
  hibernated,  // holds the memory of a machine that sleeps: whoever writes to it kills that machine
};

// From the start of a file; 64 KiB show areas for every page size. `header` is set for SwapSignature::swap.
[[nodiscard]] SwapSignature parse_swap_header(std::string_view start, SwapHeader& header);

// The first page.
[[nodiscard]] std::string write_swap_header(const SwapHeader& header);

// Of random bytes, version 4. Fails only when the kernel gives none.
[[nodiscard]] Result<std::array<std::uint8_t, 16>> make_uuid();
// "f81d4fae-7dec-41d0-a765-00a0c91e6bf6"
[[nodiscard]] std::string uuid_text(const std::array<std::uint8_t, 16>& uuid);

}  // namespace isotach::kernel
