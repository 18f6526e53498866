#include "record/block_seal.h"

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

#include <array>

#include "base/check.h"
#include "record/recording_format.h"

namespace isotach::record {
namespace {

// Level 3 is zstd's own default; higher ones gain a few percent here for several times the work.
constexpr int kLevel = 3;

}  // namespace

std::uint64_t block_checksum(const BlockHeader& header, std::string_view data) {
  const std::array<std::uint64_t, 8> numbers = {
      static_cast<std::uint64_t>(header.number),
      header.first_sample,
      header.sample_count,
      static_cast<std::uint64_t>(header.first.monotonic_ns),
      static_cast<std::uint64_t>(header.first.wall_ns),
      static_cast<std::uint64_t>(header.last.monotonic_ns),
      static_cast<std::uint64_t>(header.last.wall_ns),
      header.raw_bytes,
  };
  std::array<unsigned char, sizeof(numbers)> head;
  for (std::size_t i = 0; i < head.size(); ++i)
    head[i] = static_cast<unsigned char>(numbers[i / 8] >> (8 * (i % 8)));
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, head.data(), head.size());
  XXH3_64bits_update(&state, data.data(), data.size());
  return XXH3_64bits_digest(&state);
}

struct BlockCompressor::State {
  std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context{ZSTD_createCCtx(), ZSTD_freeCCtx};
  std::string buffer;
};

BlockCompressor::BlockCompressor() : state_(std::make_unique<State>()) {
  CHECK(state_->context != nullptr);
}
BlockCompressor::~BlockCompressor() = default;

std::string_view BlockCompressor::compress(std::string_view raw) {
  std::string& buffer = state_->buffer;
  if (const std::size_t bound = ZSTD_compressBound(raw.size()); buffer.size() < bound) buffer.resize(bound);
  const std::size_t size =
      ZSTD_compressCCtx(state_->context.get(), buffer.data(), buffer.size(), raw.data(), raw.size(), kLevel);
  CHECK(ZSTD_isError(size) == 0);  // the buffer is large enough for any input
  return {buffer.data(), size};
}

struct BlockDecompressor::State {
  std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context{ZSTD_createDCtx(), ZSTD_freeDCtx};
  std::string buffer;
};

BlockDecompressor::BlockDecompressor() : state_(std::make_unique<State>()) {
  CHECK(state_->context != nullptr);
}
BlockDecompressor::~BlockDecompressor() = default;

Result<std::string_view> BlockDecompressor::decompress(const BlockHeader& header, std::string_view data,
                                                       std::uint64_t checksum) {
  if (block_checksum(header, data) != checksum) return failure(ErrorKind::failed, "its checksum is wrong");
  if (header.raw_bytes > kBlockRawLimitBytes)
    return failure(ErrorKind::failed, "it would be too large once decompressed");
  if (ZSTD_getFrameContentSize(data.data(), data.size()) != header.raw_bytes)
    return failure(ErrorKind::failed, "its compressed data has another size than its head says");
  std::string& buffer = state_->buffer;
  if (buffer.size() < header.raw_bytes) buffer.resize(header.raw_bytes);
  const std::size_t size =
      ZSTD_decompressDCtx(state_->context.get(), buffer.data(), header.raw_bytes, data.data(), data.size());
  if (ZSTD_isError(size) != 0 || size != header.raw_bytes)
    return failure(ErrorKind::failed, "its compressed data cannot be read");
  return std::string_view(buffer.data(), size);
}

}  // namespace isotach::record
