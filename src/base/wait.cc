#include "base/wait.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>

#include "base/check.h"
#include "base/clock.h"
#include "base/fd.h"

namespace isotach {
namespace {

// A signal handler can reach only what is global. Everything here is lock-free and written by the
// handler, read by the waiter.
std::array<int, 2> g_pipe = {-1, -1};
std::atomic<int> g_signal_number{0};
std::atomic<bool> g_resized{false};
std::atomic<bool> g_child_exited{false};
std::atomic<const char*> g_emergency_text{nullptr};
std::atomic<std::size_t> g_emergency_size{0};
termios g_terminal_settings = {};  // valid while g_terminal_fd is not -1
std::atomic<int> g_terminal_fd{-1};

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCHLD, SIGPIPE};
std::array<struct sigaction, std::size(kSignals)> g_earlier_actions;

void wake_waiter() {
  const char byte = 0;
  [[maybe_unused]] const ssize_t ignored = ::write(g_pipe[1], &byte, 1);
}

void on_signal(int number) {
  const int saved_errno = errno;
  if (number == SIGWINCH) {
    g_resized = true;
  } else if (number == SIGCHLD) {
    g_child_exited = true;
  } else {
    int none = 0;
    const bool first = g_signal_number.compare_exchange_strong(none, number);
    if (!first && number == SIGINT) {
      run_emergency_action();
      ::_exit(130);
    }
  }
  wake_waiter();
  errno = saved_errno;
}

}  // namespace

void run_emergency_action() {
  const char* text = g_emergency_text;
  if (text != nullptr) {
    [[maybe_unused]] const ssize_t ignored = ::write(STDOUT_FILENO, text, g_emergency_size);
  }
  const int terminal = g_terminal_fd;
  if (terminal >= 0) ::tcsetattr(terminal, TCSANOW, &g_terminal_settings);
}

SignalWaiter::SignalWaiter() {
  CHECK(g_pipe[0] == -1);
  // Where no descriptor is left for it there is no pipe: a signal that comes just before the wait is
  // then seen at its deadline only. Whatever the program opens next will say what is wrong.
  if (::pipe2(g_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) g_pipe = {-1, -1};
  g_signal_number = 0;
  for (std::size_t i = 0; i < std::size(kSignals); ++i) {
    struct sigaction action = {};
    action.sa_handler = kSignals[i] == SIGPIPE ? SIG_IGN : on_signal;
    action.sa_flags = SA_RESTART;
    ::sigaction(kSignals[i], &action, &g_earlier_actions[i]);
    if (kSignals[i] == SIGHUP && g_earlier_actions[i].sa_handler == SIG_IGN)
      ::sigaction(SIGHUP, &g_earlier_actions[i], nullptr);
  }
}

void SignalWaiter::restore_in_child() const {
  for (std::size_t i = 0; i < std::size(kSignals); ++i)
    ::sigaction(kSignals[i], &g_earlier_actions[i], nullptr);
}

SignalWaiter::~SignalWaiter() {
  restore_in_child();
  for (int& fd : g_pipe) {
    Fd(fd).reset();
    fd = -1;
  }
  g_emergency_text = nullptr;
  g_terminal_fd = -1;
}

bool SignalWaiter::interrupted() const {
  return g_signal_number != 0;
}

int SignalWaiter::signal_number() const {
  return g_signal_number;
}

void SignalWaiter::interrupt() {
  int none = 0;
  g_signal_number.compare_exchange_strong(none, SIGINT);
  wake_waiter();
}

void SignalWaiter::set_emergency_text(std::string_view text) {
  // The handler may come between any two of these: it never sees a size that belongs to other text.
  g_emergency_text = nullptr;
  g_emergency_size = text.size();
  if (!text.empty()) g_emergency_text = text.data();
}

void SignalWaiter::keep_terminal_settings(int fd) {
  g_terminal_fd = -1;
  if (fd >= 0 && ::tcgetattr(fd, &g_terminal_settings) == 0) g_terminal_fd = fd;
}

Wake SignalWaiter::wait_until(std::int64_t deadline_monotonic_ns, WaitTargets targets) {
  SystemClock clock;
  for (;;) {
    if (interrupted()) return Wake::interrupted;
    if (g_resized.exchange(false)) return Wake::resized;
    if (g_child_exited.exchange(false)) return Wake::child_exited;

    const std::int64_t now_ns = clock.now().monotonic_ns;
    const std::int64_t left_ns = deadline_monotonic_ns > now_ns ? deadline_monotonic_ns - now_ns : 0;
    const timespec timeout = {static_cast<std::time_t>(left_ns / kNanosecondsPerSecond),
                              static_cast<long>(left_ns % kNanosecondsPerSecond)};
    // poll() ignores negative descriptors, and reports POLLERR without being asked.
    std::array<pollfd, 3> polled = {pollfd{g_pipe[0], POLLIN, 0}, pollfd{targets.input_fd, POLLIN, 0},
                                    pollfd{targets.output_fd, 0, 0}};
    const int ready = ::ppoll(polled.data(), polled.size(), &timeout, nullptr);
    if (ready < 0) {
      CHECK(errno == EINTR);
      continue;
    }
    if (polled[0].revents != 0) {
      std::array<char, 64> drained;
      while (::read(g_pipe[0], drained.data(), drained.size()) > 0) {
      }
      continue;
    }
    // POLLNVAL: it was closed before we were started (`isotach vm 1 >&-`).
    if ((polled[2].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
      output_closed_ = true;
      return Wake::output_closed;
    }
    if (polled[1].revents != 0) return Wake::input;
    if (ready == 0) return Wake::deadline;
  }
}

}  // namespace isotach
