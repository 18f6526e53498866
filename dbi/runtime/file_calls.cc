// The C library's functions that open and close files, as the tool and its libraries find them: what they
// open gets a number above the program's own, at any time, and is kept from the program's close(2),
// close_range(2) and exec. The program's own library has its own functions and never comes here.
//
// Between the open and the move to the high number, some hundred nanoseconds, the low number is in use.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstring>

#include "engine/os/private_fds.h"
#include "engine/os/raw_syscall.h"

using isotach::dbi::forget_private_fd;
using isotach::dbi::make_private_fd;
using isotach::dbi::raw_syscall;

namespace {

int result_of(int64_t result) {
  if (result >= 0) return static_cast<int>(result);
  errno = static_cast<int>(-result);
  return -1;
}

int opened(int64_t result) {
  return result < 0 ? result_of(result) : make_private_fd(static_cast<int>(result));
}

int open_at(int folder, const char* path, int flags, mode_t mode) {
  return opened(raw_syscall(SYS_openat, static_cast<uint64_t>(folder), reinterpret_cast<uint64_t>(path),
                            static_cast<uint64_t>(flags), mode));
}

bool takes_mode(int flags) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

// fopen(3)'s mode as flags; -1: it is none.
int flags_of(const char* mode) {
  int flags;
  switch (*mode) {
    case 'r':
      flags = 0;
      break;
    case 'w':
      flags = O_CREAT | O_TRUNC;
      break;
    case 'a':
      flags = O_CREAT | O_APPEND;
      break;
    default:
      return -1;
  }
  const char* end = strchr(mode, ',');
  const size_t length = end != nullptr ? static_cast<size_t>(end - mode) : strlen(mode);
  const bool both = memchr(mode, '+', length) != nullptr;
  flags |= both ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
  if (memchr(mode, 'x', length) != nullptr) flags |= O_EXCL;
  return flags;
}

FILE* open_stream(const char* path, const char* mode) {
  const int flags = flags_of(mode);
  if (flags < 0) {
    errno = EINVAL;
    return nullptr;
  }
  const int file = open_at(AT_FDCWD, path, flags, 0666);
  if (file < 0) return nullptr;
  FILE* stream = fdopen(file, mode);
  if (stream == nullptr) {
    const int error = errno;
    close(file);
    errno = error;
  }
  return stream;
}

}  // namespace

#define ISOTACH_CALL extern "C" __attribute__((visibility("default")))
// The mode is there only where the flags say so.
#define ISOTACH_MODE(flags, mode)                            \
  mode_t mode = 0;                                           \
  if (takes_mode(flags)) {                                   \
    va_list arguments;                                       \
    va_start(arguments, flags);                              \
    mode = static_cast<mode_t>(va_arg(arguments, unsigned)); \
    va_end(arguments);                                       \
  }

ISOTACH_CALL int open(const char* path, int flags, ...) {
  ISOTACH_MODE(flags, mode)
  return open_at(AT_FDCWD, path, flags, mode);
}
ISOTACH_CALL int open64(const char* path, int flags, ...) {
  ISOTACH_MODE(flags, mode)
  return open_at(AT_FDCWD, path, flags, mode);
}
ISOTACH_CALL int openat(int folder, const char* path, int flags, ...) {
  ISOTACH_MODE(flags, mode)
  return open_at(folder, path, flags, mode);
}
ISOTACH_CALL int openat64(int folder, const char* path, int flags, ...) {
  ISOTACH_MODE(flags, mode)
  return open_at(folder, path, flags, mode);
}
ISOTACH_CALL int creat(const char* path, mode_t mode) {
  return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
ISOTACH_CALL int creat64(const char* path, mode_t mode) {
  return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
// As compiled with _FORTIFY_SOURCE.
ISOTACH_CALL int __open_2(const char* path, int flags) {
  return open_at(AT_FDCWD, path, flags, 0);
}
ISOTACH_CALL int __open64_2(const char* path, int flags) {
  return open_at(AT_FDCWD, path, flags, 0);
}

ISOTACH_CALL FILE* fopen(const char* path, const char* mode) {
  return open_stream(path, mode);
}
ISOTACH_CALL FILE* fopen64(const char* path, const char* mode) {
  return open_stream(path, mode);
}

ISOTACH_CALL int dup(int file) noexcept {
  return opened(raw_syscall(SYS_dup, static_cast<uint64_t>(file)));
}
ISOTACH_CALL int socket(int domain, int type, int protocol) noexcept {
  return opened(raw_syscall(SYS_socket, static_cast<uint64_t>(domain), static_cast<uint64_t>(type),
                            static_cast<uint64_t>(protocol)));
}
ISOTACH_CALL int pipe2(int* ends, int flags) noexcept {
  const int64_t result =
      raw_syscall(SYS_pipe2, reinterpret_cast<uint64_t>(ends), static_cast<uint64_t>(flags));
  if (result < 0) return result_of(result);
  ends[0] = make_private_fd(ends[0]);
  ends[1] = make_private_fd(ends[1]);
  return 0;
}
ISOTACH_CALL int pipe(int* ends) noexcept {
  return pipe2(ends, 0);
}

ISOTACH_CALL int close(int file) {
  // Forgotten first: once it is closed, the program may get the number.
  forget_private_fd(file);
  return result_of(raw_syscall(SYS_close, static_cast<uint64_t>(file)));
}

ISOTACH_CALL int fclose(FILE* stream) {
  using Close = int (*)(FILE*);
  static const auto next = reinterpret_cast<Close>(dlsym(RTLD_NEXT, "fclose"));
  forget_private_fd(fileno(stream));
  return next(stream);
}
