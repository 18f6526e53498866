#include "network/packet/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace isotach::network {
namespace {

constexpr std::size_t kPackedChunk = std::size_t{128} << 10;

class FileSource final : public ByteSource {
 public:
  FileSource(Fd fd, int number, std::string name)
      : fd_(std::move(fd)), number_(number), name_(std::move(name)) {
    struct stat about {};
    if (::fstat(number_, &about) == 0 && S_ISREG(about.st_mode))
      size_ = static_cast<std::uint64_t>(about.st_size);
    // Read once, from front to back: the kernel may read further ahead and forget what was read.
    static_cast<void>(::posix_fadvise(number_, 0, 0, POSIX_FADV_SEQUENTIAL));
  }

  Result<std::size_t> read(std::uint8_t* into, std::size_t size) override {
    while (true) {
      const ssize_t got = ::read(number_, into, size);
      if (got >= 0) {
        position_ += static_cast<std::uint64_t>(got);
        return static_cast<std::size_t>(got);
      }
      if (errno != EINTR) return system_failure(errno, "read " + name_);
    }
  }
  std::uint64_t position() const override { return position_; }
  std::uint64_t size() const override { return size_; }

 private:
  Fd fd_;
  int number_;
  std::string name_;
  std::uint64_t position_ = 0;
  std::uint64_t size_ = 0;
};

// A file that still grows: its end is only the end for now.
class GrowingSource final : public ByteSource {
 public:
  GrowingSource(std::unique_ptr<ByteSource> file, WaitForMore wait)
      : file_(std::move(file)), wait_(std::move(wait)) {}

  Result<std::size_t> read(std::uint8_t* into, std::size_t size) override {
    while (true) {
      auto got = file_->read(into, size);
      if (!got || *got > 0 || !wait_()) return got;
    }
  }
  std::uint64_t position() const override { return file_->position(); }
  std::uint64_t size() const override { return 0; }

 private:
  std::unique_ptr<ByteSource> file_;
  WaitForMore wait_;
};

class MemorySource final : public ByteSource {
 public:
  MemorySource(const std::uint8_t* bytes, std::size_t size) : bytes_(bytes), size_(size) {}

  Result<std::size_t> read(std::uint8_t* into, std::size_t size) override {
    const std::size_t count = std::min(size, size_ - position_);
    if (count > 0) std::memcpy(into, bytes_ + position_, count);
    position_ += count;
    return count;
  }
  std::uint64_t position() const override { return position_; }
  std::uint64_t size() const override { return size_; }

 private:
  const std::uint8_t* bytes_;
  std::size_t size_;
  std::size_t position_ = 0;
};

// Gives the first bytes, which were read to look at them, once more.
class PrefixedSource final : public ByteSource {
 public:
  PrefixedSource(std::vector<std::uint8_t> prefix, std::unique_ptr<ByteSource> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}

  Result<std::size_t> read(std::uint8_t* into, std::size_t size) override {
    if (given_ == prefix_.size()) return rest_->read(into, size);
    const std::size_t count = std::min(size, prefix_.size() - given_);
    std::memcpy(into, prefix_.data() + given_, count);
    given_ += count;
    return count;
  }
  std::uint64_t position() const override { return rest_->position(); }
  std::uint64_t size() const override { return rest_->size(); }

 private:
  std::vector<std::uint8_t> prefix_;
  std::size_t given_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

// What gzip and zstd have in common: a chunk of packed bytes that is used up from its front.
class PackedSource : public ByteSource {
 public:
  explicit PackedSource(std::unique_ptr<ByteSource> packed)
      : packed_(std::move(packed)), chunk_(kPackedChunk) {}

  std::uint64_t position() const override { return packed_->position(); }
  std::uint64_t size() const override { return packed_->size(); }

 protected:
  // False at the end of the packed bytes.
  Result<bool> refill() {
    if (used_ < filled_) return true;
    const auto got = packed_->read(chunk_.data(), chunk_.size());
    if (!got) return tl::make_unexpected(got.error());
    used_ = 0;
    filled_ = *got;
    return filled_ > 0;
  }

  std::unique_ptr<ByteSource> packed_;
  std::vector<std::uint8_t> chunk_;
  std::size_t used_ = 0;
  std::size_t filled_ = 0;
};

class GzipSource final : public PackedSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> packed) : PackedSource(std::move(packed)) {
    constexpr int kGzipOnly = 16;
    ready_ = ::inflateInit2(&stream_, MAX_WBITS + kGzipOnly) == Z_OK;
  }
  ~GzipSource() override { ::inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  Result<std::size_t> read(std::uint8_t* into, std::size_t size) override {
    if (!ready_) return failure(ErrorKind::failed, "no memory to unpack gzip data");
    while (true) {
      const auto more = refill();
      if (!more) return tl::make_unexpected(more.error());
      if (!*more) {
        if (between_members_) return std::size_t{0};
        return failure(ErrorKind::failed, "the gzip data ends early");
      }
      // Zeros behind a member are padding, as gzip itself takes them.
      while (between_members_ && used_ < filled_ && chunk_[used_] == 0) ++used_;
      if (used_ == filled_) continue;
      stream_.next_in = chunk_.data() + used_;
      stream_.avail_in = static_cast<uInt>(filled_ - used_);
      stream_.next_out = into;
      stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(size, std::size_t{1} << 30));
      const uInt wanted = stream_.avail_out;
      const int result = ::inflate(&stream_, Z_NO_FLUSH);
      used_ = filled_ - stream_.avail_in;
      between_members_ = result == Z_STREAM_END;
      if (between_members_) {
        if (::inflateReset(&stream_) != Z_OK)
          return failure(ErrorKind::failed, "cannot go on unpacking gzip data");
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return failure(ErrorKind::failed, "the gzip data is damaged");
      }
      if (stream_.avail_out < wanted) return std::size_t{wanted - stream_.avail_out};
    }
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool between_members_ = false;
};

class ZstdSource final : public PackedSource {
 public:
  explicit ZstdSource(std::unique_ptr<ByteSource> packed)
      : PackedSource(std::move(packed)), context_(::ZSTD_createDCtx()) {}
  ~ZstdSource() override { ::ZSTD_freeDCtx(context_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  Result<std::size_t> read(std::uint8_t* into, std::size_t size) override {
    if (context_ == nullptr) return failure(ErrorKind::failed, "no memory to unpack zstd data");
    while (true) {
      const auto more = refill();
      if (!more) return tl::make_unexpected(more.error());
      ZSTD_inBuffer in{chunk_.data() + used_, filled_ - used_, 0};
      ZSTD_outBuffer out{into, size, 0};
      const std::size_t result = ::ZSTD_decompressStream(context_, &out, &in);
      used_ += in.pos;
      if (::ZSTD_isError(result) != 0)
        return failure(ErrorKind::failed,
                       std::string("the zstd data is damaged: ") + ::ZSTD_getErrorName(result));
      if (out.pos > 0 || in.pos > 0) frame_done_ = result == 0;
      if (out.pos > 0) return out.pos;
      if (!*more) {
        if (frame_done_) return std::size_t{0};
        return failure(ErrorKind::failed, "the zstd data ends early");
      }
    }
  }

 private:
  ZSTD_DCtx* context_;
  bool frame_done_ = true;
};

}  // namespace

namespace {

enum class Packing { none, gzip, zstd };

Packing packing_of(const std::uint8_t* bytes, std::size_t size) {
  const auto begins = [=](std::initializer_list<std::uint8_t> magic) {
    return size >= magic.size() && std::equal(magic.begin(), magic.end(), bytes);
  };
  if (begins({0x1f, 0x8b})) return Packing::gzip;
  // A frame of zstd, or one that is to be skipped.
  const bool skippable = size >= 4 && (bytes[0] & 0xf0) == 0x50 && begins({bytes[0], 0x2a, 0x4d, 0x18});
  return skippable || begins({0x28, 0xb5, 0x2f, 0xfd}) ? Packing::zstd : Packing::none;
}

}  // namespace

bool is_packed(const std::uint8_t* bytes, std::size_t size) {
  return packing_of(bytes, size) != Packing::none;
}

Result<std::unique_ptr<ByteSource>> unpack_byte_source(std::unique_ptr<ByteSource> packed) {
  std::vector<std::uint8_t> head(4);
  std::size_t filled = 0;
  while (filled < head.size()) {
    const auto got = packed->read(head.data() + filled, head.size() - filled);
    if (!got) return tl::make_unexpected(got.error());
    if (*got == 0) break;
    filled += *got;
  }
  head.resize(filled);
  const Packing packing = packing_of(head.data(), head.size());
  std::unique_ptr<ByteSource> whole = std::make_unique<PrefixedSource>(std::move(head), std::move(packed));
  if (packing == Packing::gzip) return std::make_unique<GzipSource>(std::move(whole));
  if (packing == Packing::zstd) return std::make_unique<ZstdSource>(std::move(whole));
  return whole;
}

Result<std::unique_ptr<ByteSource>> open_byte_source(const std::string& path, WaitForMore wait) {
  std::unique_ptr<ByteSource> file;
  if (path == "-") {
    file = std::make_unique<FileSource>(Fd(), STDIN_FILENO, "standard input");
  } else {
    auto fd = open_readonly(path);
    if (!fd) return tl::make_unexpected(std::move(fd.error()));
    const int number = fd->get();
    file = std::make_unique<FileSource>(std::move(*fd), number, path);
  }
  if (wait) file = std::make_unique<GrowingSource>(std::move(file), std::move(wait));
  return unpack_byte_source(std::move(file));
}

std::unique_ptr<ByteSource> memory_byte_source(const std::uint8_t* bytes, std::size_t size) {
  return std::make_unique<MemorySource>(bytes, size);
}

}  // namespace isotach::network
