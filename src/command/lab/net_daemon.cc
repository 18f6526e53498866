#include "command/lab/net_daemon.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "command/lab/net_output.h"
#include "command/lab/net_socket.h"
#include "kernel/network_namespace.h"
#include "network/emulator/loop.h"

namespace isotach::command {
namespace {

constexpr std::size_t kLongestName = 24;
constexpr int kGraceMs = 2000;
constexpr int kStepMs = 20;
constexpr int kStopLimitMs = 10'000;

std::vector<std::uint64_t> identities(const std::vector<Fd>& name_spaces) {
  std::vector<std::uint64_t> found;
  for (const Fd& fd : name_spaces) {
    struct stat status {};
    if (::fstat(fd.get(), &status) == 0) found.push_back(status.st_ino);
  }
  return found;
}

std::vector<pid_t> processes_in(const std::vector<std::uint64_t>& name_spaces) {
  std::vector<pid_t> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
  while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
    const auto pid = parse_unsigned(entry->d_name);
    struct stat status {};
    if (!pid || ::stat(("/proc/" + std::to_string(*pid) + "/ns/net").c_str(), &status) != 0) continue;
    if (std::find(name_spaces.begin(), name_spaces.end(), status.st_ino) != name_spaces.end())
      found.push_back(static_cast<pid_t>(*pid));
  }
  return found;
}

// Asks the programs on the path to end, gives them a moment, then insists.
void end_programs(const std::vector<std::uint64_t>& name_spaces) {
  for (const pid_t pid : processes_in(name_spaces)) ::kill(pid, SIGTERM);
  for (int waited = 0; waited < kGraceMs; waited += kStepMs) {
    if (processes_in(name_spaces).empty()) return;
    ::poll(nullptr, 0, kStepMs);
  }
  for (const pid_t pid : processes_in(name_spaces)) ::kill(pid, SIGKILL);
}

void leave_terminal(const char* name) {
  ::setsid();
  ::prctl(PR_SET_NAME, name);
  [[maybe_unused]] const int unused = ::chdir("/");
  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd = 0; fd < 3; ++fd) ::dup2(nothing.get(), fd);
}

// A pipe that a program left open in us would keep its reader waiting as long as the path is up.
void close_inherited(int kept) {
  constexpr int kFirstOther = 3;
  constexpr int kMostInherited = 1024;
  for (int fd = kFirstOther; fd < kMostInherited; ++fd)
    if (fd != kept) Fd(fd).reset();
}

// The process that outlives the other one: it waits for the end of the pipe. It holds no namespace.
[[noreturn]] void watch(int pipe, const std::vector<std::uint64_t>& name_spaces) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(number, SIG_IGN);
  ::prctl(PR_SET_NAME, "isotach-netwatch");
  close_inherited(pipe);
  char byte = 0;
  while (::read(pipe, &byte, 1) < 0 && errno == EINTR) {
  }
  end_programs(name_spaces);
  ::_exit(0);
}

struct Watcher {
  pid_t pid = -1;
  Fd pipe;
};

Result<Watcher> start_watcher(const std::vector<std::uint64_t>& name_spaces) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure(errno, "make a pipe");
  const Fd reading(ends[0]);
  Watcher watcher{-1, Fd(ends[1])};
  watcher.pid = ::fork();
  if (watcher.pid < 0) return system_failure(errno, "start a process");
  if (watcher.pid > 0) return watcher;
  watcher.pipe.reset();
  watch(reading.get(), name_spaces);
}

class NetProcess {
 public:
  explicit NetProcess(const NetOptions& options) : options_(options) {}

  // Everything that may fail.
  Result<void> prepare() {
    auto listener = listen_net(options_.name);
    if (!listener) return tl::make_unexpected(std::move(listener.error()));
    listener_ = std::move(*listener);
    const auto hosts = emulator::path_hosts(options_.settings.size(), options_.with_cross_hosts);
    auto bed = emulator::Testbed::make(hosts, options_.testbed);
    if (!bed) return tl::make_unexpected(std::move(bed.error()));
    bed_.emplace(std::move(*bed));
    auto watcher = start_watcher(identities(bed_->name_spaces()));
    if (!watcher) return tl::make_unexpected(std::move(watcher.error()));
    watcher_ = std::move(*watcher);
    auto ports = bed_->open_ports();
    if (!ports) return tl::make_unexpected(std::move(ports.error()));
    emulator::Path path(options_.settings, hosts, options_.seed,
                        static_cast<std::size_t>(options_.testbed.mtu_bytes));
    loop_ = std::make_unique<emulator::Loop>(std::move(path), std::move(*ports));
    return {};
  }

  void run() {
    const Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    if (options_.for_ns) {
      itimerspec limit{};
      limit.it_value = {*options_.for_ns / kNanosecondsPerSecond, *options_.for_ns % kNanosecondsPerSecond};
      ::timerfd_settime(timer.get(), 0, &limit, nullptr);
    }
    loop_->run(timer.get(), listener_.get(), [&] {
      answer_net(listener_.get(), [&](const std::string& request) { return answer(request); });
    });
    loop_->end_captures();
    listener_.reset();  // whoever waits for our end finds the name free then
  }

 private:
  Result<std::string> answer(const std::string& request) {
    const std::size_t blank = std::min(request.find(' '), request.size());
    const std::string word = request.substr(0, blank);
    if (word == "json" || word == "text") {
      const emulator::Statistics statistics = loop_->statistics();
      return word == "json" ? net_json(options_.name, statistics)
                            : net_text(options_.name, *loop_, statistics);
    }
    if (word == "reset") {
      loop_->reset_lateness();
      return std::string();
    }
    if (word == "stop") {
      loop_->stop();
      return std::to_string(watcher_.pid);
    }
    if (word == "host") return host(request.substr(std::min(blank + 1, request.size())));
    if (word == "set") {
      if (auto done = loop_->apply(request.substr(std::min(blank + 1, request.size()))); !done)
        return tl::make_unexpected(std::move(done.error()));
      return std::string();
    }
    return failure(ErrorKind::usage, "request not understood");
  }

  Result<std::string> host(const std::string& name) {
    std::string names;
    const auto& hosts = loop_->path().hosts();
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      if (hosts[i].name == name)
        return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(bed_->name_spaces()[i].get());
      names += (names.empty() ? "" : ", ") + hosts[i].name;
    }
    return failure(ErrorKind::usage, "the path has no host '" + printable(name) + "'",
                   "its hosts are: " + names);
  }

  const NetOptions& options_;
  Fd listener_;
  std::optional<emulator::Testbed> bed_;
  Watcher watcher_;
  std::unique_ptr<emulator::Loop> loop_;
};

// In the child: tells through the pipe how it went, then carries packets.
[[noreturn]] void become_net(const NetOptions& options, const SignalWaiter& waiter, Fd report) {
  waiter.restore_in_child();
  leave_terminal("isotach-net");
  close_inherited(report.get());
  NetProcess process(options);
  const auto prepared = process.prepare();
  if (!prepared) {
    const Error& error = prepared.error();
    static_cast<void>(write_all(report.get(), std::to_string(static_cast<int>(error.kind)) + '\n' +
                                                  error.message() + '\n' + error.remedy));
    ::_exit(1);
  }
  static_cast<void>(write_all(report.get(), "ready"));
  report.reset();
  process.run();
  ::_exit(0);
}

}  // namespace

Result<void> check_net_name(const std::string& name) {
  const bool sound =
      !name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
      });
  if (sound) return {};
  return failure(ErrorKind::usage, "'" + printable(name) + "' is no name for a path",
                 "use small letters, digits and '-', at most " + std::to_string(kLongestName));
}

Result<void> start_net(const NetOptions& options, const SignalWaiter& waiter) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure(errno, "make a pipe");
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return system_failure(errno, "start a process");
  if (pid == 0) become_net(options, waiter, std::move(writing));
  writing.reset();
  std::string told;
  std::array<char, 1024> buffer;
  while (true) {
    const ssize_t got = ::read(reading.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    told.append(buffer.data(), static_cast<std::size_t>(got));
  }
  if (told == "ready") return {};
  ::waitpid(pid, nullptr, 0);
  const auto lines = split(told, '\n');
  if (lines.size() < 3) return failure(ErrorKind::failed, "the path's process ended at once");
  const auto kind = parse_unsigned(lines[0]).value_or(0);
  return tl::make_unexpected(
      Error{static_cast<ErrorKind>(kind), 0, std::string(lines[1]), std::string(lines[2])});
}

Result<std::string> ask_net(const std::string& name, const std::string& request) {
  if (auto sound = check_net_name(name); !sound) return tl::make_unexpected(std::move(sound.error()));
  return request_net(name, request);
}

Result<void> stop_net(const std::string& name) {
  const auto told = ask_net(name, "stop");
  if (!told) return tl::make_unexpected(told.error());
  const auto pid = parse_unsigned(*told);
  const Fd watcher(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid.value_or(0)), 0)));
  if (!watcher.is_open()) return {};  // it has ended already
  pollfd ended{watcher.get(), POLLIN, 0};
  if (::poll(&ended, 1, kStopLimitMs) == 0)
    return failure(ErrorKind::failed, "programs on the path '" + name + "' do not end");
  return {};
}

std::vector<std::string> running_nets() {
  return listening_nets();
}

Result<void> move_to_host(const std::string& name, const std::string& host) {
  const auto path = ask_net(name, "host " + host);
  if (!path) return tl::make_unexpected(path.error());
  const auto name_space = open_readonly(*path);
  if (!name_space) return tl::make_unexpected(name_space.error());
  return kernel::move_to_network_namespace(name_space->get());
}

}  // namespace isotach::command
