// File descriptors with an owner. No raw close() outside this file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isotach {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_ = -1;
};

// To be called before anything is opened. Where the caller closed descriptor 0, 1 or 2, the next file
// would get that number, and what is meant for a person would be written into it. Afterwards writing
// to a stream that was closed still fails with EBADF, whatever is opened.
void occupy_standard_descriptors();

[[nodiscard]] Result<Fd> open_readonly(const std::string& path);

// The whole of a small file (a /proc file, a fixture). Fails with EFBIG past `limit_bytes`.
[[nodiscard]] Result<std::string> read_file(const std::string& path,
                                            std::size_t limit_bytes = std::size_t{64} << 20);

// Writes all of `text`; retries short writes and EINTR.
[[nodiscard]] Result<void> write_all(int fd, std::string_view text);

// Writes `text` to a new file beside `path`, then renames it over `path`: a reader sees the old
// or the new content, never half of it. The owner and mode of a file that was there stay.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text);

}  // namespace isotach
