#include "network/nettest/client_link.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/clock.h"
#include "network/nettest/transfer.h"

namespace isotach::nettest {
namespace {

constexpr std::int64_t kSendLimitNs = 10 * kNanosecondsPerSecond;

Failure interrupted_failure() {
  return failure(ErrorKind::failed, "interrupted before the test began");
}

void watch(int poller, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  ::epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

Error silent_server() {
  return {ErrorKind::failed, 0, "the server does not answer any more",
          "its machine is down, or the network between; see: isotach path --hops HOST"};
}

Result<void> ClientLink::prepare() {
  notify_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  poller_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!notify_.is_open() || !poller_.is_open()) return system_failure(errno, "wait for events");
  watch(poller_.get(), notify_.get(), EPOLLIN);
  return {};
}

void ClientLink::use_control(Fd control) {
  control_ = std::move(control);
  watch(poller_.get(), control_.get(), EPOLLIN);
}

bool ClientLink::wait(std::int64_t deadline_ns, int extra_fd, bool for_writing) {
  if (extra_fd >= 0) watch(poller_.get(), extra_fd, for_writing ? EPOLLOUT : EPOLLIN);
  bool happened = false;
  if (signal_taken_) {
    // The waiter would return at once from now on.
    const std::int64_t left_ns = std::max<std::int64_t>(0, deadline_ns - monotonic_ns());
    const timespec timeout = {left_ns / kNanosecondsPerSecond, left_ns % kNanosecondsPerSecond};
    pollfd polled = {poller_.get(), POLLIN, 0};
    happened = ::ppoll(&polled, 1, &timeout, nullptr) != 0;
  } else {
    WaitTargets targets;
    targets.input_fd = poller_.get();
    happened = waiter_.wait_until(deadline_ns, targets) != Wake::deadline;
  }
  if (extra_fd >= 0) ::epoll_ctl(poller_.get(), EPOLL_CTL_DEL, extra_fd, nullptr);
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t ignored = ::read(notify_.get(), &count, sizeof count);
  return happened;
}

Result<Fd> ClientLink::finish_connect(Fd fd, const kernel::SocketAddress& to, std::int64_t deadline_ns) {
  if (auto begun = kernel::begin_connect(fd.get(), to); !begun)
    return tl::make_unexpected(std::move(begun.error()));
  for (;;) {
    pollfd polled = {fd.get(), POLLOUT, 0};
    if (::poll(&polled, 1, 0) > 0) break;
    if (interrupted()) return interrupted_failure();
    if (!wait(deadline_ns, fd.get(), true))
      return failure(ErrorKind::failed, "no answer from " + to.text(),
                     "a firewall may drop it, or the host is down; see: isotach nettest --help");
  }
  const int error = kernel::connection_error(fd.get());
  if (error != 0)
    return system_failure(
        error, "connect to " + to.text(),
        error == ECONNREFUSED ? "start a server there: isotach nettest -s (or iperf3 -s)" : "");
  return fd;
}

Result<void> ClientLink::send(std::string_view bytes) {
  const std::int64_t deadline_ns = monotonic_ns() + kSendLimitNs;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(control_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return system_failure(errno, "write to the server");
    pollfd polled = {control_.get(), POLLOUT, 0};
    ::poll(&polled, 1, 100);
    if (monotonic_ns() > deadline_ns)
      return failure(ErrorKind::failed, "the server does not read what we tell it");
  }
  return {};
}

Result<void> ClientLink::send(State state) {
  const char byte = static_cast<char>(state);
  return send(std::string_view(&byte, 1));
}

Result<void> ClientLink::read_some() {
  std::array<char, 16384> buffer;
  while (frames_.wanted() > 0) {
    const ssize_t got =
        ::recv(control_.get(), buffer.data(), std::min(buffer.size(), frames_.wanted()), MSG_DONTWAIT);
    if (got > 0) {
      frames_.add({buffer.data(), static_cast<std::size_t>(got)});
      continue;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (got < 0 && (errno == ETIMEDOUT || errno == EHOSTUNREACH || errno == ENETUNREACH))
      return tl::make_unexpected(silent_server());
    if (got < 0) return system_failure(errno, "read from the server");
    return failure(ErrorKind::failed, "the server closed the control connection",
                   "it may have ended, or refuse us; its own output says why");
  }
  if (frames_.broken()) return failure(ErrorKind::failed, "the server sends a text of an impossible length");
  return {};
}

Result<std::string> ClientLink::next_frame(std::int64_t deadline_ns) {
  for (;;) {
    if (auto read = read_some(); !read) return tl::make_unexpected(std::move(read.error()));
    if (auto frame = frames_.take()) {
      expecting_ = false;
      return std::move(*frame);
    }
    if (interrupted()) return interrupted_failure();
    if (!wait(deadline_ns))
      return failure(ErrorKind::failed, "the server does not answer on the control connection",
                     "what listens there may be no iperf3 and no isotach nettest -s");
  }
}

Result<State> ClientLink::understood(const std::string& byte, std::int64_t deadline_ns) {
  const auto state = static_cast<State>(byte[0]);
  if (state == State::access_denied)
    return failure(ErrorKind::failed, "the server is busy with another test",
                   "try again later; an isotach nettest -s runs any number of tests at once");
  if (state == State::server_terminate) return failure(ErrorKind::failed, "the server was ended");
  if (state != State::server_error) return state;
  frames_.expect_bytes(2 * kLengthBytes);
  const auto numbers = next_frame(deadline_ns);
  if (!numbers) return tl::make_unexpected(numbers.error());
  const auto number = static_cast<std::int32_t>(read_be32(*numbers));
  const auto errno_value =
      static_cast<std::int32_t>(read_be32(std::string_view(*numbers).substr(kLengthBytes)));
  return failure(ErrorKind::failed, "the server refuses the test: " + server_error_text(number, errno_value));
}

Result<State> ClientLink::next_state(std::int64_t deadline_ns) {
  if (!expecting_) frames_.expect_bytes(1);
  expecting_ = true;
  const auto byte = next_frame(deadline_ns);
  if (!byte) return tl::make_unexpected(byte.error());
  return understood(*byte, deadline_ns);
}

Result<std::optional<State>> ClientLink::poll_state() {
  if (!expecting_) frames_.expect_bytes(1);
  expecting_ = true;
  if (auto read = read_some(); !read) return tl::make_unexpected(std::move(read.error()));
  auto frame = frames_.take();
  if (!frame) return std::optional<State>();
  expecting_ = false;
  auto state = understood(*frame, monotonic_ns() + kNanosecondsPerSecond);
  if (!state) return tl::make_unexpected(std::move(state.error()));
  return std::optional<State>(*state);
}

Result<std::string> ClientLink::next_json(std::size_t limit_bytes, std::int64_t deadline_ns) {
  frames_.expect_json(limit_bytes);
  return next_frame(deadline_ns);
}

Result<std::string> ClientLink::read_bytes(int fd, std::size_t count, std::int64_t deadline_ns) {
  std::string bytes(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const ssize_t got = ::recv(fd, bytes.data() + have, count - have, MSG_DONTWAIT);
    if (got > 0) {
      have += static_cast<std::size_t>(got);
      continue;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
      return failure(ErrorKind::failed, "the server closed a connection");
    if (interrupted()) return interrupted_failure();
    if (!wait(deadline_ns, fd)) return failure(ErrorKind::failed, "the server does not answer");
  }
  return bytes;
}

}  // namespace isotach::nettest
