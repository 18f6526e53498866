// Compresses single pages with the algorithms of zram and zswap, to learn their sizes. Not for threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace isotach::memory {

enum class Compression {
  lz4,   // as the kernel has it
  lzo,   // lzo and lzo-rle; the second does a little better on runs of zeros
  zstd,  // level 3, the kernel's default
};

// "lz4", "lzo", "lzo-rle", "zstd"; nothing for what is not modelled (lz4hc, deflate, 842, ...).
[[nodiscard]] std::optional<Compression> compression_named(std::string_view kernel_name);
// False where another variant than the kernel's is measured.
[[nodiscard]] bool is_exact_model(std::string_view kernel_name);

class Compressor {
 public:
  Compressor(Compression algorithm, std::size_t page_bytes);
  Compressor(Compressor&&) noexcept;
  ~Compressor();

  // The compressed size; more than the page where it does not compress at all.
  [[nodiscard]] std::size_t size_of(std::span<const char> page);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Whether one machine word fills the page: it takes no memory in zram and zswap.
[[nodiscard]] bool is_same_filled(std::span<const char> page);

}  // namespace isotach::memory
