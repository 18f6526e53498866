#include "kernel/kept_file.h"

#include <unistd.h>

namespace isotach::kernel {

KeptFile::KeptFile(const SystemRoot& root, std::string_view relative_path)
    : path_(root.path(relative_path)), keep_open_(root.is_live()), buffer_(8192, '\0') {}

Result<std::string_view> KeptFile::read() {
  if (!fd_.is_open() || !keep_open_) {
    auto opened = open_readonly(path_);
    if (!opened) return tl::make_unexpected(std::move(opened.error()));
    fd_ = std::move(*opened);
  }
  // The kernel hands out files of many records (diskstats, net/dev) in pieces of about a page,
  // however large the buffer is; only an empty read is the end. It costs a fraction of a
  // microsecond, since the kernel remembers where the last read stopped.
  for (std::size_t filled = 0;;) {
    if (filled == buffer_.size()) {
      if (buffer_.size() >= kLimitBytes) return system_failure(EFBIG, "read " + path_);
      buffer_.resize(buffer_.size() * 2);
    }
    const ssize_t got = ::pread(fd_.get(), buffer_.data() + filled, buffer_.size() - filled,
                                static_cast<off_t>(filled));
    if (got < 0) {
      const int saved = errno;
      if (saved == EINTR) continue;
      fd_.reset();
      return system_failure(saved, "read " + path_);
    }
    if (got == 0) return std::string_view(buffer_.data(), filled);
    filled += static_cast<std::size_t>(got);
  }
}

}  // namespace isotach::kernel
