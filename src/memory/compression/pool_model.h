// How much memory the kernel's pool for compressed pages takes (kernel: mm/zsmalloc.c,
// drivers/block/zram/zram_drv.c).
//
// Objects of 32 bytes up to a page are stored in classes, 16 bytes apart, each with 8 bytes for its handle.
// A class takes its memory in chains of pages, of a length with little waste, and classes whose chains look
// alike are one. What compresses to huge_limit_bytes() or more is stored as it is. Pages in which one word
// repeats take nothing at all. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace isotach::memory {

inline constexpr unsigned kDefaultChainLimit = 8;  // CONFIG_ZSMALLOC_CHAIN_SIZE

class PoolModel {
 public:
  explicit PoolModel(std::uint64_t page_bytes, unsigned chain_limit = kDefaultChainLimit);

  // A compressed size from which on zram stores the whole page.
  [[nodiscard]] std::uint64_t huge_limit_bytes() const { return huge_limit_bytes_; }

  struct Class {
    std::uint64_t object_bytes = 0;
    std::uint64_t chain_pages = 0;
    std::uint64_t chain_objects = 0;
  };
  [[nodiscard]] const std::vector<Class>& classes() const { return classes_; }
  // For an object of `bytes`, at most a page.
  [[nodiscard]] std::size_t class_of(std::uint64_t bytes) const;

 private:
  std::uint64_t page_bytes_;
  std::uint64_t step_bytes_;
  std::uint64_t huge_limit_bytes_;
  std::vector<Class> classes_;         // from the largest objects down
  std::vector<std::size_t> of_index_;  // by size step
};

}  // namespace isotach::memory
