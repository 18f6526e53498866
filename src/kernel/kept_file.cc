#include "kernel/kept_file.h"

#include <fcntl.h>
#include <unistd.h>

namespace isotach::kernel {

KeptFile::KeptFile(const SystemRoot& root, std::string_view relative_path)
    : path_(root.path(relative_path)), keep_open_(root.is_live()), buffer_(8192, '\0') {}

Result<std::string_view> KeptFile::read() {
  if (!fd_.is_open() || !keep_open_) {
    // O_NONBLOCK means nothing to a file; a pipe in a saved tree must not hold us up for ever.
    fd_ = Fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd_.is_open()) return system_failure(errno, "open " + path_);
  }
  // The kernel hands out files of many records (diskstats, net/dev) in pieces of about a page,
  // however large the buffer is; only an empty read is the end. It costs a fraction of a
  // microsecond, since the kernel remembers where the last read stopped.
  for (std::size_t filled = 0;;) {
    if (filled == buffer_.size()) {
      if (buffer_.size() >= kLimitBytes) return system_failure(EFBIG, "read " + path_);
      buffer_.resize(buffer_.size() * 2);
    }
    const ssize_t got =
        ::pread(fd_.get(), buffer_.data() + filled, buffer_.size() - filled, static_cast<off_t>(filled));
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

Missing missing_reason(const Error& error) {
  if (error.kind == ErrorKind::not_permitted) return Missing::not_permitted;
  return error.errno_value == ESRCH ? Missing::vanished : Missing::not_supported;
}

}  // namespace isotach::kernel
