#include "engine/os/program_file.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "engine/os/raw_syscall.h"

namespace isotach::dbi {
namespace {

constexpr int kMostInterpreters = 5;  // BINPRM_MAX_RECURSION and the first
constexpr size_t kHeadSize = 256;     // BINPRM_BUF_SIZE: what the kernel looks at

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) raw_syscall(SYS_close, static_cast<uint64_t>(number_));
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

// By the system call: the runtime has functions of its own in place of open(2) and close(2), for its tool.
int open_at(int directory, const char* path, int flags) {
  const int64_t result =
      raw_syscall(SYS_openat, static_cast<uint64_t>(directory), reinterpret_cast<uint64_t>(path),
                  static_cast<uint64_t>(flags | O_CLOEXEC));
  return result < 0 ? -1 : static_cast<int>(result);
}

ProgramFile unusable(int error) {
  return {ProgramKind::unusable, error};
}

// Whether running it gives privileges that this process does not have.
bool gains_privileges(int directory, const char* path, int at_flags, const struct stat& status) {
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) return false;
  const bool set_user = (status.st_mode & S_ISUID) && status.st_uid != geteuid();
  const bool set_group =
      (status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status.st_gid != getegid();
  char proc_path[64];
  const char* name = path;
  Descriptor file(open_at(directory, path, O_PATH | (at_flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0)));
  if (file.number() >= 0) {
    snprintf(proc_path, sizeof proc_path, "/proc/self/fd/%d", file.number());
    name = proc_path;
  } else if (at_flags & AT_EMPTY_PATH) {
    snprintf(proc_path, sizeof proc_path, "/proc/self/fd/%d", directory);
    name = proc_path;
  }
  // For root they add nothing.
  const bool capabilities = geteuid() != 0 && getxattr(name, "security.capability", nullptr, 0) > 0;
  if (!set_user && !set_group && !capabilities) return false;
  struct statvfs mount;
  return statvfs(name, &mount) != 0 || !(mount.f_flag & ST_NOSUID);
}

// The file's first bytes; -1 where it cannot be read, which does not keep it from being run.
ssize_t read_head(int directory, const char* path, int flags, char* head, size_t size, int* file) {
  int number;
  if (*path == 0 && (flags & AT_EMPTY_PATH)) {
    // A descriptor opened by O_PATH cannot be read, but opened again through /proc.
    char again[64];
    snprintf(again, sizeof again, "/proc/self/fd/%d", directory);
    number = open_at(AT_FDCWD, again, O_RDONLY);
  } else {
    number = open_at(directory, path, O_RDONLY);
  }
  *file = number;
  return number < 0 ? -1 : pread(number, head, size, 0);
}

ProgramFile look_at_elf(int file, const char* head, size_t size, int depth);
ProgramFile look(int directory, const char* path, int flags, bool directory_lost, int depth);

// The interpreter's path in "#!" and blanks, as the kernel reads it; false when there is none.
bool script_interpreter(const char* head, size_t size, char (&interpreter)[kHeadSize]) {
  size_t i = 2;
  while (i < size && (head[i] == ' ' || head[i] == '\t')) i++;
  size_t end = i;
  while (end < size && head[end] && head[end] != ' ' && head[end] != '\t' && head[end] != '\n') end++;
  if (end == i || end - i >= sizeof interpreter) return false;
  if (end == size && size == kHeadSize) return false;  // cut off
  memcpy(interpreter, head + i, end - i);
  interpreter[end - i] = 0;
  return true;
}

ProgramFile look_at_content(int file, const char* head, size_t size, int depth) {
  if (size >= 2 && head[0] == '#' && head[1] == '!') {
    char interpreter[kHeadSize];
    if (!script_interpreter(head, size, interpreter)) return unusable(ENOEXEC);
    return look(AT_FDCWD, interpreter, 0, false, depth + 1);
  }
  return look_at_elf(file, head, size, depth);
}

ProgramFile look_at_elf(int file, const char* head, size_t size, int depth) {
  Elf64_Ehdr header;
  // What is no ELF file may still be known to binfmt_misc: the kernel is asked, without the engine.
  if (size < sizeof header || memcmp(head, ELFMAG, SELFMAG) != 0) return {ProgramKind::foreign, 0};
  memcpy(&header, head, sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64)
    return {ProgramKind::foreign, 0};
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) return unusable(ENOEXEC);
  if (header.e_phentsize != sizeof(Elf64_Phdr) || !header.e_phnum ||
      header.e_phnum > 65536 / sizeof(Elf64_Phdr))
    return unusable(ENOEXEC);
  for (unsigned i = 0; i < header.e_phnum; i++) {
    Elf64_Phdr segment;
    const off_t at = static_cast<off_t>(header.e_phoff + i * sizeof segment);
    if (pread(file, &segment, sizeof segment, at) != sizeof segment) return unusable(EIO);
    if (segment.p_type != PT_INTERP) continue;
    char interpreter[PATH_MAX];
    if (segment.p_filesz < 2 || segment.p_filesz > sizeof interpreter) return unusable(ENOEXEC);
    const ssize_t length = static_cast<ssize_t>(segment.p_filesz);
    if (pread(file, interpreter, segment.p_filesz, static_cast<off_t>(segment.p_offset)) != length)
      return unusable(EIO);
    if (interpreter[length - 1]) return unusable(ENOEXEC);
    if (depth > kMostInterpreters) return unusable(ELOOP);
    struct stat status;
    if (stat(interpreter, &status)) return unusable(errno);
    if (!S_ISREG(status.st_mode) || faccessat(AT_FDCWD, interpreter, X_OK, AT_EACCESS))
      return unusable(EACCES);
    break;
  }
  return {ProgramKind::ours, 0};
}

ProgramFile look(int directory, const char* path, int flags, bool directory_lost, int depth) {
  if (depth > kMostInterpreters) return unusable(ELOOP);
  if (!*path && !(flags & AT_EMPTY_PATH)) return unusable(ENOENT);
  struct stat status;
  if (fstatat(directory, path, &status, flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)))
    return unusable(errno);
  if (S_ISLNK(status.st_mode)) return unusable(ELOOP);
  if (!S_ISREG(status.st_mode)) return unusable(EACCES);
  if (faccessat(directory, path, X_OK, AT_EACCESS | (flags & AT_EMPTY_PATH))) return unusable(errno);

  char head[kHeadSize];
  int number = -1;
  const ssize_t size = read_head(directory, path, flags, head, sizeof head, &number);
  const Descriptor file(number);
  // It can be run but not read. The kernel may protect such a process from us, and has no script to read.
  if (size < 0) return {ProgramKind::privileged, 0};
  struct statvfs mount;
  if (fstatvfs(number, &mount) == 0 && (mount.f_flag & ST_NOEXEC)) return unusable(EACCES);
  const bool is_script = size >= 2 && head[0] == '#' && head[1] == '!';
  if (is_script && directory_lost && path[0] != '/') return unusable(ENOENT);
  // The kernel ignores the mode bits of a script, but not those of its interpreter.
  if (!is_script && gains_privileges(directory, path, flags, status)) return {ProgramKind::privileged, 0};
  return look_at_content(number, head, static_cast<size_t>(size), depth);
}

}  // namespace

ProgramFile look_at_program(int directory, const char* path, int flags, bool directory_lost) {
  return look(directory, path, flags, directory_lost, 0);
}

}  // namespace isotach::dbi
