// Between coded samples and the bytes in the file: zstd and a checksum over head and content.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "record/block.h"

namespace isotach::record {

// XXH3 (64 bits, seed 0) over the numbers of the header, each as 8 bytes little-endian in the order
// of the struct (times: monotonic, then wall), followed by the compressed data.
[[nodiscard]] std::uint64_t block_checksum(const BlockHeader& header, std::string_view data);

class BlockCompressor {
 public:
  BlockCompressor();
  ~BlockCompressor();
  BlockCompressor(const BlockCompressor&) = delete;
  BlockCompressor& operator=(const BlockCompressor&) = delete;

  // The compressed bytes are valid until the next call.
  [[nodiscard]] std::string_view compress(std::string_view raw);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class BlockDecompressor {
 public:
  BlockDecompressor();
  ~BlockDecompressor();
  BlockDecompressor(const BlockDecompressor&) = delete;
  BlockDecompressor& operator=(const BlockDecompressor&) = delete;

  // Checks the checksum, then gives header.raw_bytes bytes, valid until the next call. Data that
  // would become anything else, however large, is an error and takes no memory.
  [[nodiscard]] Result<std::string_view> decompress(const BlockHeader& header, std::string_view data,
                                                    std::uint64_t checksum);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace isotach::record
