#include "engine/os/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "engine/os/program_file.h"
#include "engine/os/raw_syscall.h"

namespace isotach::dbi {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kHighDescriptor = 400;  // above what programs use, below the engine's own
constexpr size_t kWordsOnStack = 4096;
constexpr size_t kMostWords = size_t{1} << 24;  // 2 MiB of strings is the kernel's usual limit

std::string launcher;       // KIT/pin
std::string request_words;  // each with its zero
uint32_t word_count = 0;
std::string first_request_words;  // of this program
uint32_t first_word_count = 0;
long first_filters = 0;

uint64_t word(const void* pointer) {
  return reinterpret_cast<uint64_t>(pointer);
}

bool failed(int64_t result) {
  return result < 0 && result > -4096;
}

struct Status {
  long tracer = 0;
  long filters = 0;  // of seccomp(2)
};

long number_behind(const char* text, const char* name) {
  const char* found = strstr(text, name);
  return found ? strtol(found + strlen(name), nullptr, 10) : 0;
}

Status read_status() {
  char text[4096] = {};
  const int64_t file = raw_syscall(SYS_openat, static_cast<uint64_t>(AT_FDCWD),
                                   word("/proc/thread-self/status"), O_RDONLY | O_CLOEXEC);
  if (failed(file)) return {};
  raw_syscall(SYS_read, static_cast<uint64_t>(file), word(text), sizeof text - 1);
  raw_syscall(SYS_close, static_cast<uint64_t>(file));
  return {number_behind(text, "\nTracerPid:"), number_behind(text, "\nSeccomp_filters:")};
}

// Copies what can be read; returns the number of bytes.
size_t copy_from_program(uint64_t from, void* to, size_t size) {
  size_t done = 0;
  while (done < size) {
    // Page by page: a copy that meets a hole is all or nothing otherwise.
    const size_t to_end = kPage - (from + done) % kPage;
    const size_t part = size - done < to_end ? size - done : to_end;
    const iovec here{static_cast<char*>(to) + done, part};
    const iovec there{reinterpret_cast<void*>(from + done), part};
    const auto self = static_cast<uint64_t>(raw_syscall(SYS_getpid));
    const int64_t got = raw_syscall(SYS_process_vm_readv, self, word(&here), 1, word(&there), 1, 0);
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

bool is_same_file(const char* one, const char* other) {
  struct stat first, second;
  return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

// /proc/self/exe, /proc/PID/exe and the like.
bool is_own_executable(const char* path) {
  const size_t length = strlen(path);
  return strncmp(path, "/proc/", 6) == 0 && length > 4 && strcmp(path + length - 4, "/exe") == 0 &&
         is_same_file(path, "/proc/self/exe");
}

// The number in /proc/self/fd/NUMBER, or -1.
int own_descriptor_in(const char* path) {
  constexpr char kPrefix[] = "/proc/self/fd/";
  if (strncmp(path, kPrefix, sizeof kPrefix - 1) != 0) return -1;
  char* end = nullptr;
  const long number = strtol(path + sizeof kPrefix - 1, &end, 10);
  return *end == 0 && end != path + sizeof kPrefix - 1 ? static_cast<int>(number) : -1;
}

struct Words {
  uint64_t* pointers = nullptr;  // one free place in front, null ended
  size_t mapped = 0;
  bool ok = false;
};

// The program's array of words, with room in front for one more.
Words copy_words(uint64_t from, uint64_t* stack, size_t stack_count) {
  Words words;
  words.pointers = stack;
  size_t room = stack_count;
  size_t count = 1;
  for (bool ended = from == 0; !ended; count++) {
    if (count + 1 >= room) {
      const size_t wanted = room * 2 * sizeof(uint64_t);
      if (room * 2 > kMostWords) return words;
      const int64_t more =
          words.mapped ? raw_syscall(SYS_mremap, word(words.pointers), words.mapped, wanted, MREMAP_MAYMOVE)
                       : raw_syscall(SYS_mmap, 0, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                     ~uint64_t{0}, 0);
      if (failed(more)) return words;
      if (!words.mapped) memcpy(reinterpret_cast<void*>(more), words.pointers, count * sizeof(uint64_t));
      words.pointers = reinterpret_cast<uint64_t*>(more);
      words.mapped = wanted;
      room *= 2;
    }
    const uint64_t at = from + (count - 1) * sizeof(uint64_t);
    if (copy_from_program(at, &words.pointers[count], sizeof(uint64_t)) != sizeof(uint64_t)) return words;
    ended = words.pointers[count] == 0;
  }
  if (from == 0) words.pointers[count] = 0;
  words.ok = true;
  return words;
}

int64_t exec_as_it_is(int32_t directory, uint64_t path, uint64_t words, uint64_t environment, int32_t flags,
                      bool is_execveat) {
  if (is_execveat)
    return raw_syscall(SYS_execveat, static_cast<uint64_t>(directory), path, words, environment,
                       static_cast<uint64_t>(flags));
  return raw_syscall(SYS_execve, path, words, environment);
}

bool write_all(uint64_t file, const void* from, size_t size) {
  return raw_syscall(SYS_write, file, word(from), size) == static_cast<int64_t>(size);
}

// The request as a file in memory that survives exec. Returns its descriptor.
int64_t make_request(const FollowRequest& request, const char* path) {
  const int64_t made = raw_syscall(SYS_memfd_create, word("isotach-pin-follow"), 1 /* MFD_CLOEXEC */);
  if (failed(made)) return made;
  const auto file = static_cast<uint64_t>(made);
  int64_t high = -EIO;
  if (write_all(file, &request, sizeof request) && write_all(file, path, strlen(path) + 1) &&
      write_all(file, request_words.data(), request_words.size()))
    high = raw_syscall(SYS_fcntl, file, F_DUPFD, kHighDescriptor);
  if (high == -EINVAL) high = raw_syscall(SYS_fcntl, file, F_DUPFD, 3);  // few descriptors are allowed
  raw_syscall(SYS_close, file);
  return high;
}

}  // namespace

void set_follow_words(const std::vector<std::string>* words) {
  request_words = words != nullptr ? std::string() : first_request_words;
  word_count = words != nullptr ? static_cast<uint32_t>(words->size()) : first_word_count;
  if (words == nullptr) return;
  for (const std::string& one : *words) request_words.append(one.c_str(), one.size() + 1);
}

void prepare_to_follow(const Handover& handover) {
  launcher = std::string(reinterpret_cast<const char*>(handover.kit)) + "/pin";
  const auto* words = reinterpret_cast<const char* const*>(handover.arguments);
  request_words.clear();
  for (uint32_t i = 0; i < handover.argument_count; i++) request_words.append(words[i], strlen(words[i]) + 1);
  word_count = handover.argument_count;
  first_request_words = request_words;
  first_word_count = word_count;
  first_filters = read_status().filters;
}

int64_t follow_exec(int32_t directory, uint64_t path, uint64_t words, uint64_t environment, int32_t flags,
                    bool is_execveat) {
  const auto natively = [&] {
    return exec_as_it_is(directory, path, words, environment, flags, is_execveat);
  };
  char name[PATH_MAX];
  const size_t readable = path ? copy_from_program(path, name, sizeof name) : 0;
  if (!memchr(name, 0, readable) || (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) || launcher.empty())
    return natively();
  const Status status = read_status();
  if (status.tracer || status.filters > first_filters) return natively();

  const bool uses_directory = is_execveat && directory != AT_FDCWD && name[0] != '/';
  const int descriptor = uses_directory ? directory : own_descriptor_in(name);
  const int64_t descriptor_flags = descriptor >= 0 || uses_directory
                                       ? raw_syscall(SYS_fcntl, static_cast<uint64_t>(descriptor), F_GETFD)
                                       : 0;
  if (failed(descriptor_flags)) return natively();
  const bool directory_lost = descriptor_flags & FD_CLOEXEC;
  if (look_at_program(directory, name, flags, uses_directory && directory_lost).kind != ProgramKind::ours)
    return natively();

  FollowRequest request{kFollowMagic, 0, word_count, directory, flags, -1, is_execveat, -1};
  request.size = static_cast<uint32_t>(sizeof request + strlen(name) + 1 + request_words.size());
  if (directory_lost) {
    const int64_t copy = raw_syscall(SYS_fcntl, static_cast<uint64_t>(descriptor), F_DUPFD, kHighDescriptor);
    if (failed(copy)) return natively();
    request.directory = descriptor;
    request.directory_copy = static_cast<int32_t>(copy);
  }
  if (is_own_executable(name)) {
    const int64_t own =
        raw_syscall(SYS_openat, static_cast<uint64_t>(AT_FDCWD), word("/proc/self/exe"), O_PATH);
    if (!failed(own)) request.own_file = static_cast<int32_t>(own);
  }
  uint64_t on_stack[kWordsOnStack];
  const Words copied = copy_words(words, on_stack, kWordsOnStack);
  const int64_t file = copied.ok ? make_request(request, name) : -EFAULT;
  if (!failed(file)) {
    char follow[sizeof kFollowWord + 24];
    memcpy(follow, kFollowWord, sizeof kFollowWord);
    char* digits = follow + sizeof follow - 1;
    *digits = 0;
    for (int64_t rest = file; rest || !*digits; rest /= 10) *--digits = static_cast<char>('0' + rest % 10);
    memmove(follow + sizeof kFollowWord - 1, digits, strlen(digits) + 1);
    copied.pointers[0] = word(follow);
    raw_syscall(SYS_execve, word(launcher.c_str()), word(copied.pointers), environment);
    raw_syscall(SYS_close, static_cast<uint64_t>(file));
  }
  // It failed, perhaps because of our one word more; the program's own call knows the right error.
  if (request.directory_copy >= 0) raw_syscall(SYS_close, static_cast<uint64_t>(request.directory_copy));
  if (request.own_file >= 0) raw_syscall(SYS_close, static_cast<uint64_t>(request.own_file));
  if (copied.mapped) raw_syscall(SYS_munmap, word(copied.pointers), copied.mapped);
  return natively();
}

}  // namespace isotach::dbi
