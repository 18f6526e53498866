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
  explicit FileSource(std::string path) : path_(std::move(path)) {}
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource() override { rest(); }

  [[nodiscard]] bool open() const {
    if (fd_ >= 0) return true;
    const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return false;
    struct stat now {};
    const bool good = ::fstat(fd, &now) == 0 && S_ISREG(now.st_mode);
    const bool same =
        !known_ ||
        (now.st_dev == status_.st_dev && now.st_ino == status_.st_ino && now.st_size == status_.st_size &&
         now.st_mtim.tv_sec == status_.st_mtim.tv_sec && now.st_mtim.tv_nsec == status_.st_mtim.tv_nsec);
    if (!good || !same) {
      ::close(fd);
      return false;
    }
    status_ = now;
    known_ = true;
    fd_ = fd;
    return true;
  }

  bool read(uint64_t offset, void* to, size_t wanted) const override {
    if (offset > size() || wanted > size() - offset || !open()) return false;
    auto* at = static_cast<uint8_t*>(to);
    while (wanted > 0) {
      const ssize_t got = ::pread(fd_, at, wanted, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      at += got;
      offset += static_cast<uint64_t>(got);
      wanted -= static_cast<size_t>(got);
    }
    return true;
  }
  uint64_t size() const override { return static_cast<uint64_t>(status_.st_size); }
  void rest() const override {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  std::string path_;
  mutable int fd_ = -1;
  mutable bool known_ = false;
  mutable struct stat status_ {};
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

std::unique_ptr<ByteSource> open_file_source(const std::string& path) {
  auto source = std::make_unique<FileSource>(path);
  if (!source->open()) return nullptr;
  return source;
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
