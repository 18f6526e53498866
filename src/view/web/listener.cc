#include "view/web/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <utility>

#include "base/text.h"
#include "view/web/access.h"

namespace isotach::view {
namespace {

constexpr int kBacklog = 64;

std::string endpoint_text(const std::string& address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

Failure listen_failure(int errno_value, const std::string& address, std::uint16_t port) {
  const std::string endpoint = endpoint_text(address, port);
  if (errno_value == EADDRINUSE) {
    const auto next = static_cast<std::uint16_t>(port < 65535 ? port + 1 : port - 1);
    return failure(ErrorKind::failed,
                   "port " + std::to_string(port) + " of " + address + " is in use already",
                   "choose another: --listen " + endpoint_text(address, next) +
                       ", or any free one: --listen " + endpoint_text(address, 0));
  }
  if (errno_value == EADDRNOTAVAIL)
    return failure(ErrorKind::failed, "this machine has no address " + address,
                   "see the addresses it has: ip address");
  if (errno_value == EACCES)
    return system_failure(errno_value, "listen on " + endpoint,
                          "choose a port above 1023, or run it as root");
  return system_failure(errno_value, "listen on " + endpoint);
}

bool is_loopback(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* source =
      address->sa_family == AF_INET
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr)
          : &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  return ::inet_ntop(address->sa_family, source, text.data(), text.size()) != nullptr &&
         is_loopback_host(text.data());
}

}  // namespace

Result<ListeningSocket> listen_on(const std::string& address, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
      code != 0)
    return failure(ErrorKind::failed, "cannot find the address of '" + printable(address) +
                                          "': " + std::string(::gai_strerror(code)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);

  Fd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return system_failure(errno, "make a socket");
  // Not SO_REUSEPORT: a second server on the same port would share it silently.
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0) return listen_failure(errno, address, port);
  if (::listen(fd.get(), kBacklog) != 0) return listen_failure(errno, address, port);

  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
    return system_failure(errno, "learn the port that was chosen");
  const bool v4 = bound.ss_family == AF_INET;
  const std::uint16_t bound_port = ntohs(v4 ? reinterpret_cast<sockaddr_in*>(&bound)->sin_port
                                            : reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port);
  return ListeningSocket{std::move(fd), bound_port, is_loopback(reinterpret_cast<sockaddr*>(&bound))};
}

Listener::Listener(Fd listening, int worker_count, Callbacks callbacks)
    : listening_(std::move(listening)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      callbacks_(std::move(callbacks)) {
  // Signals belong to the main thread, which waits for them; here they would only interrupt calls.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  threads_.emplace_back([this] { accept_loop(); });
  for (int i = 0; i < worker_count; ++i) threads_.emplace_back([this] { work_loop(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Listener::~Listener() {
  stop();
}

void Listener::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
    for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  arrived_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  listening_.reset();
}

bool Listener::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

bool Listener::crowded() const {
  const std::lock_guard lock(mutex_);
  return stopping_ || !queue_.empty();
}

void Listener::accept_loop() {
  constexpr int kRetryMs = 100;
  while (!stopping()) {
    std::array<pollfd, 2> targets{{{listening_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    if (::poll(targets.data(), targets.size(), -1) < 0) continue;
    if (targets[1].revents != 0) return;
    Fd socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.is_open()) {
      // Out of descriptors or memory: the client stays in the backlog until some are free. Other
      // errors are the client's, who left before it was accepted.
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        ::poll(&targets[1], 1, kRetryMs);
      continue;
    }
    bool queued = false;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.size() < kQueueLimit && !stopping_) {
        queue_.push_back(std::exchange(socket, Fd()));
        queued = true;
      }
    }
    if (queued)
      arrived_.notify_one();
    else
      callbacks_.refuse(socket);
  }
}

void Listener::work_loop() {
  for (;;) {
    Fd socket;
    int number = -1;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      // A duplicate stays with the loop: stop() may shut down `number` without it having become
      // another file's in the meantime.
      socket = std::move(queue_.front());
      queue_.pop_front();
      number = ::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0);
      if (number >= 0) open_.insert(number);
    }
    Fd duplicate(number);
    callbacks_.serve(std::move(socket));
    const std::lock_guard lock(mutex_);
    open_.erase(number);
    duplicate.reset();
  }
}

}  // namespace isotach::view
