// Windows into a file of any size, mapped one after the other: reading costs no copy, and memory stays flat.
//
// A file that becomes shorter while it is read would end the program by SIGBUS. Here what is missing reads as
// zeros, and was_cut() says so.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/fd.h"

namespace isotach::network {

class MappedFile {
 public:
  // Nothing where the file cannot be mapped: a pipe, a device, an empty file.
  [[nodiscard]] static std::optional<MappedFile> open(const std::string& path);

  struct Window {
    std::shared_ptr<const void> hold;  // the bytes are there as long as it is
    const std::uint8_t* begin = nullptr;
    const std::uint8_t* end = nullptr;  // after at least `size` bytes, or where the file ends
  };
  // The bytes from `offset` on. Nothing when the kernel has no room for it.
  [[nodiscard]] std::optional<Window> window(std::uint64_t offset, std::size_t size);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool was_cut() const;

 private:
  MappedFile(Fd fd, std::uint64_t size)
      : fd_(std::move(fd)), size_(size), cut_(std::make_shared<std::atomic<bool>>(false)) {}

  Fd fd_;
  std::uint64_t size_;
  std::shared_ptr<std::atomic<bool>> cut_;
};

}  // namespace isotach::network
