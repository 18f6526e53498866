#include "kernel/change/confirm.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr timeval kPatience = {15, 0};  // the command keeps or puts back, then answers
constexpr std::size_t kAnswerBytes = 512;

struct Address {
  sockaddr_un name{};
  socklen_t size = 0;
};

Address address_of(pid_t pid) {
  Address address;
  address.name.sun_family = AF_UNIX;
  const std::string name = "isotach-confirm-" + std::to_string(pid);
  // The NUL in front makes it an abstract name.
  std::memcpy(address.name.sun_path + 1, name.data(), name.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return address;
}

Result<Fd> unix_socket() {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return system_failure(errno, "open a socket");
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  return socket;
}

// Whether the other end is root or this user.
bool is_trusted(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

Result<void> watch(int events, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (::epoll_ctl(events, EPOLL_CTL_ADD, fd, &event) != 0)
    return system_failure(errno, "wait for a confirmation");
  return {};
}

}  // namespace

Result<ConfirmListener> ConfirmListener::open() {
  auto socket = unix_socket();
  if (!socket) return tl::make_unexpected(std::move(socket.error()));
  const Address address = address_of(::getpid());
  if (::bind(socket->get(), reinterpret_cast<const sockaddr*>(&address.name), address.size) != 0 ||
      ::listen(socket->get(), 4) != 0)
    return system_failure(errno, "listen for a confirmation");
  Fd events(::epoll_create1(EPOLL_CLOEXEC));
  if (!events.is_open()) return system_failure(errno, "wait for a confirmation");
  if (auto watched = watch(events.get(), socket->get()); !watched)
    return tl::make_unexpected(std::move(watched.error()));
  return ConfirmListener(std::move(*socket), std::move(events));
}

Result<void> ConfirmListener::watch_input(int input_fd) {
  if (auto watched = watch(events_.get(), input_fd); !watched) return watched;
  input_fd_ = input_fd;
  return {};
}

ConfirmListener::Event ConfirmListener::take() {
  epoll_event event{};
  if (::epoll_wait(events_.get(), &event, 1, 0) != 1) return Event::none;
  if (event.data.fd == input_fd_) {
    std::array<char, 256> line{};
    if (::read(input_fd_, line.data(), line.size()) > 0) return Event::input;
    // The terminal is gone: whoever sat there cannot confirm any more.
    ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, input_fd_, nullptr);
    return Event::none;
  }
  Fd confirmer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!confirmer.is_open() || !is_trusted(confirmer.get())) return Event::none;
  confirmer_ = std::move(confirmer);
  return Event::confirmed;
}

void ConfirmListener::answer(const std::string& text) {
  if (confirmer_.is_open()) static_cast<void>(write_all(confirmer_.get(), text));
  confirmer_.reset();
}

Result<std::string> confirm_change(pid_t pid) {
  auto socket = unix_socket();
  if (!socket) return tl::make_unexpected(std::move(socket.error()));
  const Address address = address_of(pid);
  if (::connect(socket->get(), reinterpret_cast<const sockaddr*>(&address.name), address.size) != 0)
    return system_failure(errno, "reach process " + std::to_string(pid) + ", which waits for a confirmation");
  // Anybody may take an abstract name; root may confirm the change of a user.
  if (::geteuid() != 0 && !is_trusted(socket->get()))
    return failure(ErrorKind::not_permitted, "the change was made by another user",
                   "confirm as that user, or as root");
  std::string answer(kAnswerBytes, '\0');
  const ssize_t got = ::read(socket->get(), answer.data(), answer.size());
  if (got < 0) return system_failure(errno, "read the answer of process " + std::to_string(pid));
  if (got == 0)
    return failure(ErrorKind::not_permitted,
                   "process " + std::to_string(pid) + " did not take the confirmation",
                   "confirm as root, or as the user who made the change");
  answer.resize(static_cast<std::size_t>(got));
  return std::string(trim(answer));
}

}  // namespace isotach::kernel
