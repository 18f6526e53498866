#include "base/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace isotach {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int Fd::release() {
  return std::exchange(fd_, -1);
}

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void occupy_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // Gets the lowest free number, which is `fd`. Opened for reading, so that writing still fails.
    if (::open("/dev/null", O_RDONLY) < 0) return;
  }
}

Result<Fd> open_readonly(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_failure(errno, "open " + path);
  return Fd(fd);
}

Result<std::string> read_file(const std::string& path, std::size_t limit_bytes) {
  auto fd = open_readonly(path);
  if (!fd) return tl::make_unexpected(std::move(fd.error()));
  std::string text;
  constexpr std::size_t kChunkBytes = 16384;
  for (;;) {
    const std::size_t had = text.size();
    if (had > limit_bytes) return system_failure(EFBIG, "read " + path);
    text.resize(had + kChunkBytes);
    const ssize_t got = ::read(fd->get(), text.data() + had, kChunkBytes);
    if (got < 0) {
      const int saved = errno;
      text.resize(had);
      if (saved == EINTR) continue;
      return system_failure(saved, "read " + path);
    }
    text.resize(had + static_cast<std::size_t>(got));
    if (got == 0) return text;
  }
}

Result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0) {
      const int saved = errno;
      if (saved == EINTR) continue;
      // Another program that shares the pipe or terminal has made it non-blocking: wait as a blocking
      // write would.
      if (saved == EAGAIN) {
        pollfd room = {fd, POLLOUT, 0};
        ::poll(&room, 1, -1);
        continue;
      }
      return system_failure(saved, "write");
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".new." + std::to_string(::getpid());
  const auto create = [&] {
    return Fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  };
  Fd fd = create();
  if (!fd.is_open() && errno == EEXIST) {
    // Left by a run with our process id that was killed: in containers ids come again soon.
    ::unlink(temporary.c_str());
    fd = create();
  }
  if (!fd.is_open()) return system_failure(errno, "create " + temporary);
  // Whoever could not read the old content cannot read the new one.
  struct stat old {};
  if (::stat(path.c_str(), &old) == 0 && S_ISREG(old.st_mode)) {
    if (::fchown(fd.get(), old.st_uid, old.st_gid) == 0 || old.st_uid == ::geteuid())
      static_cast<void>(::fchmod(fd.get(), old.st_mode & 07777));
  }
  int failed = 0;
  if (auto done = write_all(fd.get(), text); !done) failed = done.error().errno_value;
  if (failed == 0 && ::fsync(fd.get()) != 0) failed = errno;
  if (failed == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) failed = errno;
  if (failed != 0) {
    ::unlink(temporary.c_str());
    return system_failure(failed, "write " + path);
  }
  return {};
}

}  // namespace isotach
