#include "kernel/swap_off_task.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "kernel/swap_control.h"

namespace isotach::kernel {
namespace {

constexpr int kInterruptSignal = SIGUSR1;
constexpr int kInterruptAgainMs = 20;

// The thread needs only to be woken: the kernel looks whether a signal waits.
void do_nothing(int) {}

void install_handler() {
  struct sigaction action {};
  action.sa_handler = do_nothing;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(kInterruptSignal, &action, nullptr);
}

}  // namespace

SwapOffTask::SwapOffTask(std::string path)
    : path_(std::move(path)), over_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  install_handler();
  // Ctrl-C is for the thread that decides.
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigdelset(&all, kInterruptSignal);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

SwapOffTask::~SwapOffTask() {
  if (!thread_.joinable()) return;
  interrupt();
  thread_.join();
}

void SwapOffTask::run() {
  result_ = swap_off(path_);
  over_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  static_cast<void>(!::write(over_fd_.get(), &one, sizeof one));
}

void SwapOffTask::interrupt() {
  // A signal that comes just before the thread enters the kernel is lost: again until it has worked.
  while (!is_over()) {
    ::pthread_kill(thread_.native_handle(), kInterruptSignal);
    pollfd over{over_fd_.get(), POLLIN, 0};
    ::poll(&over, 1, kInterruptAgainMs);
  }
}

Result<void> SwapOffTask::finish() {
  if (thread_.joinable()) thread_.join();
  return result_;
}

}  // namespace isotach::kernel
