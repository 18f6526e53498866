#include "engine/loader/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace isotach::dbi {
namespace {

class FileSource final : public ByteSource {
 public:
  FileSource(int fd, uint64_t size) : fd_(fd), size_(size) {}
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource() override { ::close(fd_); }

  bool read(uint64_t offset, void* to, size_t size) const override {
    if (offset > size_ || size > size_ - offset) return false;
    auto* at = static_cast<uint8_t*>(to);
    while (size > 0) {
      const ssize_t got = ::pread(fd_, at, size, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      at += got;
      offset += static_cast<uint64_t>(got);
      size -= static_cast<size_t>(got);
    }
    return true;
  }
  uint64_t size() const override { return size_; }

 private:
  int fd_;
  uint64_t size_;
};

class MemorySource final : public ByteSource {
 public:
  MemorySource(const void* bytes, size_t size) : bytes_(static_cast<const uint8_t*>(bytes)), size_(size) {}

  bool read(uint64_t offset, void* to, size_t size) const override {
    if (offset > size_ || size > size_ - offset) return false;
    if (size > 0) std::memcpy(to, bytes_ + offset, size);
    return true;
  }
  uint64_t size() const override { return size_; }

 private:
  const uint8_t* bytes_;
  size_t size_;
};

class MappedSource final : public ByteSource {
 public:
  explicit MappedSource(std::vector<MappedPart> parts) : parts_(std::move(parts)) {
    for (const MappedPart& part : parts_) size_ = std::max(size_, part.offset + part.size);
  }

  bool read(uint64_t offset, void* to, size_t size) const override {
    for (const MappedPart& part : parts_) {
      if (offset < part.offset || offset - part.offset > part.size) continue;
      if (size > part.size - (offset - part.offset)) continue;
      return copy_memory(part.address + (offset - part.offset), to, size);
    }
    return false;
  }
  uint64_t size() const override { return size_; }

 private:
  std::vector<MappedPart> parts_;
  uint64_t size_ = 0;
};

}  // namespace

std::vector<uint8_t> ByteSource::bytes(uint64_t offset, uint64_t wanted) const {
  std::vector<uint8_t> result;
  // Before memory is asked for: sizes come from outside.
  if (offset > size() || wanted > size() - offset) return result;
  result.resize(wanted);
  if (!read(offset, result.data(), result.size())) result.clear();
  return result;
}

std::unique_ptr<ByteSource> file_source(int fd, uint64_t size) {
  return std::make_unique<FileSource>(fd, size);
}

std::unique_ptr<ByteSource> open_file_source(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return nullptr;
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    return nullptr;
  }
  return file_source(fd, static_cast<uint64_t>(status.st_size));
}

std::unique_ptr<ByteSource> memory_source(const void* bytes, size_t size) {
  return std::make_unique<MemorySource>(bytes, size);
}

std::unique_ptr<ByteSource> mapped_source(std::vector<MappedPart> parts) {
  return std::make_unique<MappedSource>(std::move(parts));
}

bool copy_memory(uint64_t address, void* to, size_t size) {
  if (size == 0) return true;
  const iovec local = {to, size};
  const iovec remote = {reinterpret_cast<void*>(address), size};
  return ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

}  // namespace isotach::dbi
