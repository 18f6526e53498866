#include "kernel/change/watchdog.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr char kReleased = 'r';

// A descriptor that stays open here would keep a pipeline or a lock waiting for us.
void close_all_but(int first, int second) {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return;
  std::vector<int> others;
  while (const dirent* entry = ::readdir(folder)) {
    const auto fd = parse_unsigned(entry->d_name);
    const auto number = fd ? static_cast<int>(*fd) : -1;
    if (number >= 0 && number != first && number != second && number != ::dirfd(folder))
      others.push_back(number);
  }
  ::closedir(folder);
  for (const int fd : others) Fd(fd).reset();
}

void put_back(Journal& journal) {
  auto content = journal.read();
  if (!content || !*content) {
    journal.remove();
    return;
  }
  std::vector<std::string> done;
  std::vector<Error> errors;
  take_back_all((*content)->steps, done, errors);
  if ((*content)->steps.empty()) {
    journal.remove();
    return;
  }
  // The next start of isotach tries again, and tells.
  static_cast<void>(journal.write(journal_head((*content)->boot_id, (*content)->pid, (*content)->command),
                                  (*content)->steps));
}

[[noreturn]] void watch(Journal& journal, int pipe) {
  ::setsid();  // away from the terminal: Ctrl-C and a closed window are for the command alone
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP})
    ::signal(number, SIG_IGN);
  ::prctl(PR_SET_NAME, "isotach-watch");
  close_all_but(journal.fd(), pipe);
  [[maybe_unused]] const int unused = ::chdir("/");  // keeps no file system busy
  char told = 0;
  ssize_t got = 0;
  do {
    got = ::read(pipe, &told, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1 || told != kReleased) put_back(journal);
  ::_exit(0);
}

}  // namespace

Result<Watchdog> start_watchdog(Journal& journal) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure(errno, "make a pipe");
  const Fd reading(ends[0]);
  Watchdog watchdog{-1, Fd(ends[1])};
  watchdog.pid = ::fork();
  if (watchdog.pid < 0) return system_failure(errno, "start the process that puts changes back");
  if (watchdog.pid > 0) return watchdog;
  watchdog.pipe.reset();
  watch(journal, reading.get());
}

void release_watchdog(Watchdog& watchdog) {
  if (watchdog.pid < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(watchdog.pipe.get(), &kReleased, 1);
  watchdog.pipe.reset();
  while (::waitpid(watchdog.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  watchdog.pid = -1;
}

}  // namespace isotach::kernel
