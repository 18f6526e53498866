// Who has connected: newcomers until they have shown what they are, and connections of one transaction.
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "network/nettest/server_inside.h"
#include "network/path/wire.h"

namespace isotach::nettest {
namespace {

constexpr std::int64_t kCookieLimitNs = 10 * kNanosecondsPerSecond;
// Left for tests when idle connections fill the table of descriptors; of a small table, a quarter.
constexpr std::uint64_t kReservedDescriptors = 4096;
constexpr std::size_t kPieceBytes = std::size_t{16} * 1024;

}  // namespace

void Server::accept_some(int listener) {
  // As many again where as many came the last time: a single one costs no call that finds nothing.
  const int most = accepts_a_turn_;
  accepts_a_turn_ = std::min(2 * most, kAcceptsATurn);
  for (int i = 0; i < most; ++i) {
    make_room();
    Newcomer newcomer;
    auto fd = kernel::accept_next(listener, newcomer.peer);
    if (!fd) {
      // No descriptor is left: whoever has been silent longest makes room; otherwise the kernel keeps the
      // newcomer waiting until a test ends.
      if (newcomers_.empty()) return;
      newcomers_.erase(newcomers_.begin());
      continue;
    }
    if (!*fd) {
      accepts_a_turn_ = 1;
      return;
    }
    newcomer.fd = std::move(**fd);
    newcomer.deadline_ns = clock_.now().monotonic_ns + kCookieLimitNs;
    const auto added = newcomers_.emplace(++last_number_, std::move(newcomer)).first;
    hear(added);  // most have said what they are already
  }
}

void Server::make_room() {
  const std::uint64_t most = descriptors_ - std::min(kReservedDescriptors, descriptors_ / 4);
  while (newcomers_.size() >= most && !newcomers_.empty()) newcomers_.erase(newcomers_.begin());
}

void Server::hear(Newcomers::iterator at) {
  Newcomer& newcomer = at->second;
  std::array<char, kPieceBytes> buffer;
  for (;;) {
    if (newcomer.test != 0 && newcomer.request_left == 0) {
      answer(at);
      return;
    }
    const bool asks = newcomer.test != 0;
    const std::size_t wanted =
        asks ? std::min(newcomer.request_left, buffer.size()) : newcomer.wanted - newcomer.cookie.size();
    const ssize_t got = ::recv(newcomer.fd.get(), buffer.data(), wanted, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      watch_newcomer(at, EPOLLIN);
      return;
    }
    if (got <= 0) {
      newcomers_.erase(at);
      return;
    }
    if (asks) {
      newcomer.request_left -= static_cast<std::size_t>(got);
      continue;
    }
    newcomer.cookie.append(buffer.data(), static_cast<std::size_t>(got));
    if (newcomer.cookie.size() == newcomer.wanted && !assign(at)) return;
  }
}

void Server::watch_newcomer(Newcomers::iterator at, std::uint32_t events) {
  watch(at->second.fd.get(), tag(Kind::newcomer, at->first), events,
        at->second.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD);
  at->second.watched = true;
}

bool Server::assign(Newcomers::iterator at) {
  Newcomer& newcomer = at->second;
  const auto cookie = read_cookie(newcomer.cookie);
  if (!cookie) return assign_iperf2(at);
  Session* session = session_of(key_of(*cookie));
  if (session != nullptr && session->stage() == Session::Stage::running &&
      session->parameters().transaction == Transaction::connect) {
    newcomer.test = session->number();
    newcomer.request_left = session->parameters().request_bytes;
    newcomer.response_left = session->parameters().response_bytes;
    return true;
  }
  Fd fd = std::move(newcomer.fd);
  if (newcomer.watched) ::epoll_ctl(poller_.get(), EPOLL_CTL_DEL, fd.get(), nullptr);
  const kernel::SocketAddress peer = newcomer.peer;
  newcomers_.erase(at);
  if (session == nullptr && cookie_text(*cookie).starts_with(path::kCookiePrefix)) {
    path_responders_.start(std::move(fd));
    return false;
  }
  if (session == nullptr) {
    begin_session(std::move(fd), *cookie, peer);
  } else if (session->needs_streams() && !session->parameters().udp) {
    session->add_stream(std::move(fd));
    update(*session);
  }
  return false;
}

bool Server::assign_iperf2(Newcomers::iterator at) {
  Newcomer& newcomer = at->second;
  const std::size_t bytes = iperf2_test_bytes(newcomer.cookie);
  if (bytes > newcomer.cookie.size()) {
    newcomer.wanted = bytes;
    return true;
  }
  if (bytes > 0 && has_room() && !options_.users) {
    const std::uint64_t number = ++last_number_;
    if (newcomer.watched) ::epoll_ctl(poller_.get(), EPOLL_CTL_DEL, newcomer.fd.get(), nullptr);
    if (iperf2_.begin_tcp(number, std::move(newcomer.fd), newcomer.peer, newcomer.cookie))
      watch(iperf2_.notify_of(number), tag(Kind::iperf2, number), EPOLLIN);
  }
  newcomers_.erase(at);
  return false;
}

bool Server::has_room() const {
  return sessions_.size() + iperf2_.size() < static_cast<std::size_t>(options_.most_tests);
}

void Server::answer(Newcomers::iterator at) {
  static constexpr std::array<char, kPieceBytes> kAnswer{};
  Newcomer& newcomer = at->second;
  while (newcomer.response_left > 0) {
    const ssize_t sent =
        ::send(newcomer.fd.get(), kAnswer.data(), std::min(kAnswer.size(), newcomer.response_left),
               MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
      watch_newcomer(at, EPOLLOUT);
      return;
    }
    if (sent <= 0) break;
    newcomer.response_left -= static_cast<std::size_t>(sent);
  }
  if (newcomer.response_left == 0) {
    if (Session* session = session_of(newcomer.test)) session->count_transaction();
    if (answered_.empty()) answered_from_ns_ = clock_.now().monotonic_ns;
    if (newcomer.watched) ::epoll_ctl(poller_.get(), EPOLL_CTL_DEL, newcomer.fd.get(), nullptr);
    answered_.push_back(std::move(newcomer.fd));
    if (answered_.size() > kMostAnswered) answered_.pop_front();
  }
  newcomers_.erase(at);
}

void Server::begin_session(Fd fd, const Cookie& cookie, const kernel::SocketAddress& peer) {
  Fd notify(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!has_room() || !notify.is_open()) {
    const char denied = static_cast<char>(State::access_denied);
    static_cast<void>(::send(fd.get(), &denied, 1, MSG_DONTWAIT | MSG_NOSIGNAL));
    return;
  }
  const std::uint64_t number = ++last_number_;
  auto session =
      std::make_unique<Session>(number, std::move(fd), std::move(notify), cookie, peer, clock_, observer_);
  watch(session->control_fd(), tag(Kind::control, number), EPOLLIN);
  watch(session->notify_fd(), tag(Kind::notify, number), EPOLLIN);
  by_cookie_[std::string(key_of(cookie))] = number;
  Session& added = *sessions_.emplace(number, std::move(session)).first->second;
  if (options_.users) added.ask_for_user(*options_.users);
  added.begin();
  update(added);
}

}  // namespace isotach::nettest
