#include "kernel/pressure_trigger.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace isotach::kernel {

Result<PressureTrigger> PressureTrigger::open(const SystemRoot& root, std::string_view resource,
                                              std::uint64_t stall_us) {
  const std::string path = root.path("proc/pressure/" + std::string(resource));
  Fd file(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!file.is_open()) return system_failure(errno, "open " + path);
  const std::string wish = "some " + std::to_string(stall_us) + ' ' + std::to_string(kWindowUs);
  // With the zero that ends it.
  if (::write(file.get(), wish.c_str(), wish.size() + 1) < 0)
    return system_failure(errno, "ask " + path + " to tell of pressure");
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLPRI;
  if (!epoll.is_open() || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, file.get(), &event) != 0)
    return system_failure(errno, "wait for pressure");
  return PressureTrigger(std::move(file), std::move(epoll));
}

bool PressureTrigger::take() {
  epoll_event event{};
  return ::epoll_wait(epoll_.get(), &event, 1, 0) == 1 && (event.events & EPOLLPRI) != 0;
}

}  // namespace isotach::kernel
