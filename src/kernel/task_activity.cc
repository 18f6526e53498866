#include "kernel/task_activity.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <memory>

#include "base/fd.h"
#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kLineLimit = 1024;
constexpr std::size_t kDescriptorLimit = 65536;

struct FolderCloser {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, FolderCloser>;

enum class Kind : std::uint8_t { read, write, readiness, timed, lock, child, file, other };

Kind kind_of(std::int64_t number) {
  switch (number) {
    case SYS_read:
    case SYS_readv:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
#ifdef SYS_accept
    case SYS_accept:
#endif
    case SYS_accept4:
      return Kind::read;
    case SYS_write:
    case SYS_writev:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
    case SYS_sendfile:
    case SYS_splice:
      return Kind::write;
    case SYS_pread64:
    case SYS_preadv:
    case SYS_preadv2:
    case SYS_pwrite64:
    case SYS_pwritev:
    case SYS_pwritev2:
    case SYS_fsync:
    case SYS_fdatasync:
    case SYS_sync:
    case SYS_sync_file_range:
    case SYS_copy_file_range:
      return Kind::file;
#ifdef SYS_poll
    case SYS_poll:
    case SYS_select:
    case SYS_epoll_wait:
#endif
    case SYS_ppoll:
    case SYS_pselect6:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_io_uring_enter:
      return Kind::readiness;
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
    case SYS_restart_syscall:
      return Kind::timed;
    case SYS_futex:
      return Kind::lock;
    case SYS_wait4:
    case SYS_waitid:
      return Kind::child;
    default:
      return Kind::other;
  }
}

std::optional<std::uint32_t> socket_inode(std::string_view target) {
  constexpr std::string_view kHead = "socket:[";
  if (!target.starts_with(kHead) || !target.ends_with(']')) return std::nullopt;
  const auto number = parse_unsigned(target.substr(kHead.size(), target.size() - kHead.size() - 1));
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

Activity activity_of_transfer(Kind kind, std::string_view descriptor) {
  if (descriptor.starts_with("socket:"))
    return kind == Kind::read ? Activity::socket_read : Activity::socket_write;
  // "pipe:[1]", "anon_inode:[eventfd]", "/dev/pts/0"
  const bool is_file = descriptor.starts_with('/') && !descriptor.starts_with("/dev/");
  return is_file || descriptor.starts_with("/dev/sd") || descriptor.starts_with("/dev/nvme") ||
                 descriptor.starts_with("/dev/vd") || descriptor.starts_with("/dev/loop")
             ? Activity::disk
             : Activity::pipe;
}

std::string link_target(const std::string& path) {
  char target[256];
  const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
  return size > 0 ? std::string(target, static_cast<std::size_t>(size)) : std::string();
}

// The state is the first letter behind the last ')': the name may hold anything.
char state_of(const std::string& folder) {
  const auto text = read_file(folder + "/stat", kLineLimit);
  if (!text) return 0;
  const std::size_t end = text->rfind(')');
  return end != std::string::npos && end + 2 < text->size() ? (*text)[end + 2] : '\0';
}

TaskActivity read_task(const std::string& process, const std::string& folder) {
  const char state = state_of(folder);
  if (state == 'R') return classify_task(state, std::nullopt, {});
  const auto line = read_file(folder + "/syscall", kLineLimit);
  if (!line) return classify_task(state == 'D' ? 'D' : '?', std::nullopt, {});
  const auto call = parse_syscall_line(*line);
  // Between the two readings it has gone on.
  if (!call && trim(*line) == "running") return classify_task('R', std::nullopt, {});
  std::string descriptor;
  if (call && call->first_argument < kDescriptorLimit)
    descriptor = link_target(process + "/fd/" + std::to_string(call->first_argument));
  return classify_task(state, call, descriptor);
}

struct ActivityWords {
  const char* key;
  const char* name;
};

constexpr ActivityWords kActivityWords[] = {
    {"unknown", "is not known"},
    {"running", "computes"},
    {"disk", "waits for a disk"},
    {"socket_write", "waits to write to a socket"},
    {"socket_read", "waits to read from a socket"},
    {"readiness", "waits for events"},
    {"pipe", "waits for a pipe or terminal"},
    {"timed", "sleeps"},
    {"lock", "waits for another thread"},
    {"child", "waits for a child process"},
    {"other", "waits in another call"},
};

}  // namespace

const char* activity_name(Activity activity) {
  return kActivityWords[static_cast<std::size_t>(activity)].name;
}
const char* activity_key(Activity activity) {
  return kActivityWords[static_cast<std::size_t>(activity)].key;
}

std::optional<SystemCall> parse_syscall_line(std::string_view line) {
  const auto words = split_blanks(trim(line));
  if (words.size() < 2) return std::nullopt;
  SystemCall call;
  const std::string_view number = words[0];
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), call.number);
  if (error != std::errc() || end != number.data() + number.size() || call.number < 0) return std::nullopt;
  std::string_view argument = words[1];
  if (!argument.starts_with("0x")) return std::nullopt;
  argument.remove_prefix(2);
  const auto [stop, wrong] =
      std::from_chars(argument.data(), argument.data() + argument.size(), call.first_argument, 16);
  if (wrong != std::errc() || stop != argument.data() + argument.size()) return std::nullopt;
  return call;
}

TaskActivity classify_task(char state, const std::optional<SystemCall>& call, std::string_view descriptor) {
  TaskActivity task;
  if (state == 'R') {
    task.activity = Activity::running;
    return task;
  }
  if (!call) {
    task.activity = state == 'D' ? Activity::disk : state == '?' ? Activity::unknown : Activity::other;
    return task;
  }
  const Kind kind = kind_of(call->number);
  if (kind == Kind::read || kind == Kind::write) {
    task.activity = activity_of_transfer(kind, descriptor);
    task.socket = socket_inode(descriptor).value_or(0);
    return task;
  }
  if (kind == Kind::file || state == 'D') {
    task.activity = Activity::disk;
    return task;
  }
  switch (kind) {
    case Kind::readiness:
      task.activity = Activity::readiness;
      break;
    case Kind::timed:
      task.activity = Activity::timed;
      break;
    case Kind::lock:
      task.activity = Activity::lock;
      break;
    case Kind::child:
      task.activity = Activity::child;
      break;
    default:
      task.activity = Activity::other;
  }
  return task;
}

std::vector<TaskActivity> read_task_activity(const SystemRoot& root, pid_t process) {
  std::vector<TaskActivity> tasks;
  const std::string path = root.path("proc/" + std::to_string(process));
  const Folder folder(::opendir((path + "/task").c_str()));
  if (folder == nullptr) return tasks;
  while (const dirent* entry = ::readdir(folder.get())) {
    const auto thread = parse_unsigned(entry->d_name);
    if (!thread || tasks.size() >= kTaskLimit) continue;
    TaskActivity task = read_task(path, path + "/task/" + entry->d_name);
    task.thread = static_cast<pid_t>(*thread);
    tasks.push_back(task);
  }
  return tasks;
}

std::vector<std::uint32_t> sockets_of(const SystemRoot& root, pid_t process) {
  std::vector<std::uint32_t> inodes;
  const std::string path = root.path("proc/" + std::to_string(process) + "/fd");
  const Folder folder(::opendir(path.c_str()));
  if (folder == nullptr) return inodes;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] == '.') continue;
    if (const auto inode = socket_inode(link_target(path + "/" + entry->d_name))) inodes.push_back(*inode);
    if (inodes.size() >= kDescriptorLimit) break;
  }
  return inodes;
}

std::unordered_map<std::uint32_t, std::vector<pid_t>> holders_of(const SystemRoot& root,
                                                                 const std::vector<std::uint32_t>& inodes) {
  std::unordered_map<std::uint32_t, std::vector<pid_t>> holders;
  for (const std::uint32_t inode : inodes) holders[inode];
  const Folder folder(::opendir(root.path("proc").c_str()));
  if (folder == nullptr) return holders;
  while (const dirent* entry = ::readdir(folder.get())) {
    const auto process = parse_unsigned(entry->d_name);
    if (!process) continue;
    for (const std::uint32_t inode : sockets_of(root, static_cast<pid_t>(*process))) {
      const auto wanted = holders.find(inode);
      if (wanted == holders.end()) continue;
      if (wanted->second.empty() || wanted->second.back() != static_cast<pid_t>(*process))
        wanted->second.push_back(static_cast<pid_t>(*process));
    }
  }
  return holders;
}

}  // namespace isotach::kernel
