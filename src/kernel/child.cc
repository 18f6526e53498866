#include "kernel/child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"

namespace isotach::kernel {
namespace {

// <linux/prctl.h> of Linux 6.4; the headers that we are built with may be older.
constexpr int kSetMemoryMerge = 67;
constexpr int kGetMemoryMerge = 68;

// EACCES for what is there but cannot be run.
int why_not_runnable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return errno;
  if (!S_ISREG(status.st_mode) || ::access(path.c_str(), X_OK) != 0) return EACCES;
  return 0;
}

Failure start_failure(int errno_value, const std::string& name) {
  if (errno_value == ENOENT) {
    const std::string shown = printable(name);
    if (name.find('/') != std::string::npos)
      return failure(ErrorKind::failed, "there is no file '" + shown + "'");
    return failure(ErrorKind::failed, "there is no program '" + shown + "' in PATH");
  }
  // Not ErrorKind::not_permitted: what is wrong is the file, and no capability of ours would help.
  return tl::make_unexpected(Error{ErrorKind::failed, errno_value, "start '" + printable(name) + "'", {}});
}

// Runs in the child between fork() and exec(): only what is safe in a signal handler.
[[noreturn]] void become(char* const* words, const SignalWaiter& waiter, const ChildFiles& files,
                         int report_fd, pid_t parent, ChildMemory memory) {
  waiter.restore_in_child();
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);  // the parent died before it could be noticed
  const bool ready = memory == ChildMemory::as_usual || ::prctl(kSetMemoryMerge, 1, 0, 0, 0) == 0;
  const auto placed = [](int fd, int place) { return fd < 0 || ::dup2(fd, place) >= 0; };
  const bool closed = !files.alone || ::close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0;
  if (ready && closed && placed(files.input, STDIN_FILENO) && placed(files.output, STDOUT_FILENO) &&
      placed(files.error, STDERR_FILENO))
    ::execvp(words[0], words);
  const int reason = errno;
  [[maybe_unused]] const ssize_t ignored = ::write(report_fd, &reason, sizeof reason);
  ::_exit(127);
}

}  // namespace

bool can_offer_memory() {
  return ::prctl(kGetMemoryMerge, 0, 0, 0, 0) >= 0;
}

Result<std::string> find_program(const std::string& name) {
  if (name.empty()) return start_failure(ENOENT, name);
  if (name.find('/') != std::string::npos) {
    const int reason = why_not_runnable(name);
    if (reason != 0) return start_failure(reason, name);
    return name;
  }
  const char* path = std::getenv("PATH");
  int reason = ENOENT;
  for (const std::string_view folder : split(path != nullptr ? path : "/bin:/usr/bin", ':')) {
    std::string candidate = folder.empty() ? name : std::string(folder) + '/' + name;
    const int found = why_not_runnable(candidate);
    if (found == 0) return candidate;
    if (found == EACCES) reason = EACCES;
  }
  return start_failure(reason, name);
}

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& words, const SignalWaiter& waiter,
                                         const ChildFiles& files, ChildMemory memory) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);

  // exec() closes the writing end; when it fails the reason comes through.
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure(errno, "make a pipe");
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  rusage own{};
  ::getrusage(RUSAGE_SELF, &own);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return system_failure(errno, "start '" + printable(words.front()) + "'");
  if (pid == 0) become(pointers.data(), waiter, files, writing.get(), parent, memory);
  ChildProcess child(pid, static_cast<std::uint64_t>(own.ru_maxrss));
  writing.reset();
  int reason = 0;
  ssize_t got = 0;
  do {
    got = ::read(reading.get(), &reason, sizeof reason);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return child;
  child.wait();
  return start_failure(got == sizeof reason ? reason : EIO, words.front());
}

ChildProcess::ChildProcess(pid_t pid, std::uint64_t inherited_peak_kib)
    : pid_(pid), inherited_peak_kib_(inherited_peak_kib) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), inherited_peak_kib_(other.inherited_peak_kib_) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  stop(SIGTERM);
  wait();
}

bool ChildProcess::has_ended() const {
  if (pid_ < 0) return true;
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid == pid_;
}

bool ChildProcess::ends_within(std::int64_t limit_ns) const {
  SystemClock clock;
  const std::int64_t end_ns = clock.now().monotonic_ns + limit_ns;
  constexpr int kStepMs = 20;
  while (!has_ended()) {
    if (clock.now().monotonic_ns >= end_ns) return false;
    // SIGCHLD ends it early; the step bounds what is lost when the signal came just before.
    ::poll(nullptr, 0, kStepMs);
  }
  return true;
}

ChildEnd ChildProcess::wait() {
  ChildEnd end;
  if (pid_ < 0) return end;
  int status = 0;
  rusage usage{};
  pid_t waited = -1;
  do {
    waited = ::wait4(pid_, &status, 0, &usage);
  } while (waited < 0 && errno == EINTR);
  pid_ = -1;
  if (waited < 0) return end;
  end.by_signal = WIFSIGNALED(status);
  end.number = end.by_signal ? WTERMSIG(status) : WEXITSTATUS(status);
  const auto ns = [](const timeval& time) {
    return static_cast<std::int64_t>(time.tv_sec) * kNanosecondsPerSecond + time.tv_usec * 1000;
  };
  end.user_ns = ns(usage.ru_utime);
  end.system_ns = ns(usage.ru_stime);
  const auto peak_kib = static_cast<std::uint64_t>(usage.ru_maxrss);
  if (peak_kib > inherited_peak_kib_) end.peak_resident_kib = peak_kib;
  return end;
}

void ChildProcess::stop(int signal_number) {
  if (pid_ < 0) return;
  constexpr std::int64_t kPatienceNs = 2 * kNanosecondsPerSecond;
  // A program that was suspended acts on no signal but SIGKILL until it goes on.
  const auto send = [&](int number) {
    ::kill(pid_, number);
    ::kill(pid_, SIGCONT);
  };
  if (signal_number != 0) send(signal_number);
  bool ended = ends_within(kPatienceNs);
  if (!ended && signal_number != SIGTERM) {
    send(SIGTERM);
    ended = ends_within(kPatienceNs);
  }
  if (ended) return;
  ::kill(pid_, SIGKILL);
  static_cast<void>(ends_within(kPatienceNs));
}

}  // namespace isotach::kernel
