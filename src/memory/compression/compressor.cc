#include "memory/compression/compressor.h"

#include <lz4.h>
#include <lzo/lzo1x.h>
#include <zstd.h>

#include <cstring>

#include "base/check.h"

namespace isotach::memory {
namespace {

constexpr int kZstdLevel = 3;

struct ZstdDeleter {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

}  // namespace

struct Compressor::State {
  Compression algorithm;
  std::vector<char> output;
  std::vector<lzo_align_t> lzo_memory;
  std::unique_ptr<ZSTD_CCtx, ZstdDeleter> zstd;
};

std::optional<Compression> compression_named(std::string_view kernel_name) {
  if (kernel_name == "lz4") return Compression::lz4;
  if (kernel_name == "lzo" || kernel_name == "lzo-rle") return Compression::lzo;
  if (kernel_name == "zstd") return Compression::zstd;
  return std::nullopt;
}

bool is_exact_model(std::string_view kernel_name) {
  return kernel_name != "lzo-rle";
}

Compressor::Compressor(Compression algorithm, std::size_t page_bytes) : state_(std::make_unique<State>()) {
  state_->algorithm = algorithm;
  // What the worst page becomes: LZO's bound is the largest.
  state_->output.resize(page_bytes + page_bytes / 16 + 1024);
  if (algorithm == Compression::lzo) {
    CHECK(lzo_init() == LZO_E_OK);
    state_->lzo_memory.resize((LZO1X_1_MEM_COMPRESS + sizeof(lzo_align_t) - 1) / sizeof(lzo_align_t));
  }
  if (algorithm == Compression::zstd) {
    state_->zstd.reset(ZSTD_createCCtx());
    CHECK(state_->zstd != nullptr);
  }
}

Compressor::Compressor(Compressor&&) noexcept = default;
Compressor::~Compressor() = default;

std::size_t Compressor::size_of(std::span<const char> page) {
  std::vector<char>& output = state_->output;
  switch (state_->algorithm) {
    case Compression::lz4: {
      const int size = LZ4_compress_default(page.data(), output.data(), static_cast<int>(page.size()),
                                            static_cast<int>(output.size()));
      return size > 0 ? static_cast<std::size_t>(size) : page.size() + 1;
    }
    case Compression::lzo: {
      lzo_uint size = output.size();
      const auto* const from = reinterpret_cast<const unsigned char*>(page.data());
      auto* const to = reinterpret_cast<unsigned char*>(output.data());
      lzo1x_1_compress(from, page.size(), to, &size, state_->lzo_memory.data());
      return size;
    }
    case Compression::zstd: {
      const std::size_t size = ZSTD_compressCCtx(state_->zstd.get(), output.data(), output.size(),
                                                 page.data(), page.size(), kZstdLevel);
      return ZSTD_isError(size) != 0 ? page.size() + 1 : size;
    }
  }
  return page.size() + 1;
}

bool is_same_filled(std::span<const char> page) {
  if (page.size() <= sizeof(long)) return true;
  return std::memcmp(page.data(), page.data() + sizeof(long), page.size() - sizeof(long)) == 0;
}

}  // namespace isotach::memory
