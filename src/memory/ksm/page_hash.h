// What a page contains, in 64 bits (XXH3). Two pages with different contents have the same hash once in
// 2^64 pairs: among 16 million pages (64 GiB) with a probability of one in 130,000.
#pragma once

#include <cstdint>
#include <span>

namespace isotach::memory {

[[nodiscard]] std::uint64_t page_hash(std::span<const char> page);

// Of a page of `size` zeros.
[[nodiscard]] std::uint64_t zero_page_hash(std::size_t size);

}  // namespace isotach::memory
