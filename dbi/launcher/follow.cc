#include "launcher/follow.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "engine/os/follow.h"
#include "launcher/kit.h"
#include "launcher/options.h"
#include "launcher/start.h"

extern char** environ;

namespace isotach::dbi {
namespace {

constexpr size_t kMostBytes = 8 << 20;

struct Request {
  FollowRequest head{};
  std::string path;
  std::vector<std::string> words;
};

// Returns whether the descriptor holds a whole request.
bool read_request(int file, Request& request) {
  struct stat status;
  if (fstat(file, &status) || static_cast<size_t>(status.st_size) < sizeof request.head) return false;
  if (static_cast<size_t>(status.st_size) > kMostBytes) return false;
  std::string text(static_cast<size_t>(status.st_size), 0);
  if (pread(file, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) return false;
  memcpy(&request.head, text.data(), sizeof request.head);
  if (request.head.magic != kFollowMagic || request.head.size != text.size() || text.back() != 0)
    return false;
  size_t at = sizeof request.head;
  const auto next = [&](std::string& word) {
    if (at >= text.size()) return false;
    word = text.c_str() + at;
    at += word.size() + 1;
    return true;
  };
  if (!next(request.path)) return false;
  for (uint32_t i = 0; i < request.head.word_count; i++)
    if (!next(request.words.emplace_back())) return false;
  return true;
}

int descriptor_of(char** words) {
  return atoi(words[0] + sizeof kFollowWord - 1);
}

}  // namespace

bool is_follow(char** words) {
  return words[0] && strncmp(words[0], kFollowWord, sizeof kFollowWord - 1) == 0;
}

int follow(char** words) {
  const int file = descriptor_of(words);
  Request request;
  if (!read_request(file, request)) {
    tell("this name is for its own use");
    return kExitUsage;
  }
  close(file);
  const FollowRequest& head = request.head;
  // The program's name for its file holds the number of the descriptor.
  if (head.directory_copy >= 0) {
    dup3(head.directory_copy, head.directory, O_CLOEXEC);
    close(head.directory_copy);
  }
  Kit kit;
  Problem problem = find_kit(kit);
  // The program's own file, as the launcher cannot name it. See is_own_executable() of engine/os/follow.cc.
  std::string path = request.path, name;
  if (head.own_file >= 0) {
    fcntl(head.own_file, F_SETFD, FD_CLOEXEC);
    name = path;
    path = "/proc/self/fd/" + std::to_string(head.own_file);
    while (path.size() < name.size()) path.insert(path.rfind('/'), "/");
  }
  if (!problem) problem = arm_helper(kit, request.words, name);
  if (problem) tell(request.path + " runs without the engine: " + problem.text);
  if (head.is_execveat) {
    syscall(SYS_execveat, head.directory, path.c_str(), words + 1, environ, head.flags);
  } else {
    execve(path.c_str(), words + 1, environ);
  }
  const int error = errno;
  tell(request.path + ": " + strerror(error));
  return error == ENOENT ? kExitNotFound : kExitCannotRun;
}

}  // namespace isotach::dbi
