#include "command/lab/bed.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/fd.h"

namespace isotach::command {
namespace {

Result<void> mount_afresh(const char* type, const char* place) {
  if (::mount(type, place, type, MS_NOSUID | MS_NODEV, nullptr) == 0) return {};
  return system_failure(errno, std::string("mount ") + type + " on " + place);
}

Result<void> furnish() {
  // What is mounted from here on is nobody else's.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return system_failure(errno, "make the mounts private");
  if (auto mounted = mount_afresh("proc", "/proc"); !mounted) return mounted;
  if (auto mounted = mount_afresh("tmpfs", "/run"); !mounted) return mounted;
  // A new /sys shows the interfaces of this namespace, and has no control groups: those are carried over.
  // Without them `isotach traffic` does not learn whose a short connection was.
  constexpr const char* kKept = "/run/control-groups";
  const bool kept =
      ::mkdir(kKept, 0755) == 0 && ::mount("/sys/fs/cgroup", kKept, nullptr, MS_BIND | MS_REC, nullptr) == 0;
  if (auto mounted = mount_afresh("sysfs", "/sys"); !mounted) return mounted;
  if (kept) static_cast<void>(::mount(kKept, "/sys/fs/cgroup", nullptr, MS_MOVE, nullptr));
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  if (!socket.is_open() || ::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0)
    return system_failure(errno, "set lo up");
  return {};
}

int exit_code_of_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<int> in_network_bed(const std::function<int()>& work) {
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID) != 0)
    return system_failure(errno, "make namespaces for the lab", "run it as root");
  int furnished[2] = {};
  if (::pipe2(furnished, O_CLOEXEC) != 0) return system_failure(errno, "make a pipe");
  Fd told(furnished[0]);
  Fd telling(furnished[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return system_failure(errno, "fork");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    told.reset();
    auto ready = furnish();
    if (!ready) {
      static_cast<void>(write_all(telling.get(), ready.error().message()));
      ::_exit(1);
    }
    telling.reset();
    ::_exit(work());
  }
  telling.reset();
  std::string problem;
  char buffer[512];
  for (ssize_t bytes = 0; (bytes = ::read(told.get(), buffer, sizeof buffer)) != 0;) {
    if (bytes < 0 && errno != EINTR) break;
    if (bytes > 0) problem.append(buffer, static_cast<std::size_t>(bytes));
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!problem.empty()) return failure(ErrorKind::failed, problem);
  return exit_code_of_status(status);
}

}  // namespace isotach::command
