// What the threads of a process are doing at this moment: computing, waiting for a socket, for a disk, for
// the clock. From /proc/PID/task/TID/{stat,syscall} and the kind of the descriptor that the system call
// names; no tracing, and the process is not stopped. Reading the call needs the rights of ptrace(2).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernel/system_root.h"

namespace isotach::kernel {

enum class Activity : std::uint8_t {
  unknown,       // it may not be read
  running,       // on a CPU, or ready for one
  disk,          // in uninterruptible sleep, or in a call that reads or writes a file
  socket_write,  // in a call that gives bytes to a socket
  socket_read,   // in a call that takes bytes from one
  readiness,     // in poll(2), epoll_wait(2) or select(2)
  pipe,          // waits for a pipe, a terminal or another descriptor
  timed,         // sleeps until a time
  lock,          // waits for another thread
  child,         // waits for a process
  other,
};
[[nodiscard]] const char* activity_name(Activity activity);  // "waits for a disk", ...
[[nodiscard]] const char* activity_key(Activity activity);   // "disk", ...: for JSON

struct TaskActivity {
  pid_t thread = 0;
  Activity activity = Activity::unknown;
  // Inode of the socket that the call names; 0 where it names none.
  std::uint32_t socket = 0;
};

// What a line of .../syscall says: the number and the first argument; nothing for "running", and for a
// thread that waits outside of any call ("-1 ...").
struct SystemCall {
  std::int64_t number = -1;
  std::uint64_t first_argument = 0;
};
[[nodiscard]] std::optional<SystemCall> parse_syscall_line(std::string_view line);

// `descriptor` is where /proc/PID/fd/N of the call's first argument points; empty where it is none.
[[nodiscard]] TaskActivity classify_task(char state, const std::optional<SystemCall>& call,
                                         std::string_view descriptor);

inline constexpr std::size_t kTaskLimit = 256;
// Of at most kTaskLimit threads of the process; empty where it has ended.
[[nodiscard]] std::vector<TaskActivity> read_task_activity(const SystemRoot& root, pid_t process);

// The inodes of the sockets that a process holds.
[[nodiscard]] std::vector<std::uint32_t> sockets_of(const SystemRoot& root, pid_t process);
// All processes that hold one of these sockets, by its inode. Reads /proc/PID/fd of every process.
[[nodiscard]] std::unordered_map<std::uint32_t, std::vector<pid_t>> holders_of(
    const SystemRoot& root, const std::vector<std::uint32_t>& inodes);

}  // namespace isotach::kernel
