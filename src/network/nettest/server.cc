#include "network/nettest/server.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <deque>
#include <limits>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "network/nettest/datagram.h"
#include "network/nettest/iperf2_sessions.h"
#include "network/nettest/listeners.h"
#include "network/nettest/newcomers.h"
#include "network/nettest/stream_setup.h"
#include "network/path/responder.h"
#include "network/path/wire.h"

namespace isotach::nettest {
namespace {

constexpr std::int64_t kCookieLimitNs = 10 * kNanosecondsPerSecond;
// Accepted at a time, so that running tests have their turn in a flood.
constexpr int kAcceptsATurn = 64;
// Descriptors left for streams when idle connections fill the table.
constexpr std::uint64_t kReservedDescriptors = 64;
constexpr std::size_t kPieceBytes = std::size_t{16} * 1024;
// Where something has just come the next thing is not far: it is waited for without a look at all deadlines.
constexpr int kMoreSoonMs = 1;
// A client that has its answer closes its connection by a reset, and then ours is gone without a segment
// more. So many are left to it, and for so long.
constexpr std::size_t kMostAnswered = 64;
constexpr std::int64_t kAnsweredLimitNs = 100'000'000;
// What a client of iperf2 sends while its socket is made: it waits for nobody.
constexpr int kDatagramsATurn = 4096;

enum class Kind : std::uint8_t {
  tcp_listener,
  udp_listener,
  newcomer,
  control,
  notify,
  early_stream,
  iperf2
};

constexpr std::uint64_t tag(Kind kind, std::uint64_t number) {
  return static_cast<std::uint64_t>(kind) << 56 | number;
}

std::string_view key_of(const Cookie& cookie) {
  return {cookie.data(), cookie.size()};
}

class Server {
 public:
  Server(const ServerOptions& options, SignalWaiter& waiter, Clock& clock, ServerObserver& observer)
      : options_(options), waiter_(waiter), clock_(clock), observer_(observer) {}

  Result<void> run() {
    descriptors_ = kernel::raise_descriptor_limit();
    poller_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!poller_.is_open()) return system_failure(errno, "wait for events");
    if (options_.users)
      if (auto checked = check_authentication(*options_.users); !checked) return checked;
    if (auto listening = listen(); !listening) return listening;
    bool busy = false;
    while (!waiter_.interrupted() && !over_ && observer_.wants_more()) {
      WaitTargets targets;
      targets.input_fd = poller_.get();
      if (!busy) static_cast<void>(waiter_.wait_until(next_deadline_ns(), targets));
      busy = take_events(busy ? kMoreSoonMs : 0);
      tick(clock_.now().monotonic_ns);
    }
    for (auto& [number, session] : sessions_) session->terminate();
    iperf2_.terminate();
    return {};
  }

 private:
  Result<void> listen() {
    auto addresses = listeners_.open(options_, observer_);
    if (!addresses) return tl::make_unexpected(std::move(addresses.error()));
    for (std::size_t i = 0; i < listeners_.tcp().size(); ++i)
      watch(listeners_.tcp()[i].get(), tag(Kind::tcp_listener, i), EPOLLIN);
    for (std::size_t i = 0; i < listeners_.udp().size(); ++i)
      watch(listeners_.udp()[i].fd.get(), tag(Kind::udp_listener, i), EPOLLIN);
    observer_.listening(*addresses);
    return {};
  }

  void watch(int fd, std::uint64_t data, std::uint32_t events, int operation = EPOLL_CTL_ADD) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = data;
    ::epoll_ctl(poller_.get(), operation, fd, &event);
  }

  [[nodiscard]] std::int64_t next_deadline_ns() const {
    std::int64_t next_ns = clock_.now().monotonic_ns + 3600 * kNanosecondsPerSecond;
    if (!newcomers_.empty()) next_ns = std::min(next_ns, newcomers_.begin()->second.deadline_ns);
    if (!answered_.empty()) next_ns = std::min(next_ns, answered_from_ns_ + kAnsweredLimitNs);
    next_ns = std::min(next_ns, iperf2_.next_tick_ns());
    for (const auto& [number, session] : sessions_) {
      next_ns = std::min(next_ns, session->next_tick_ns());
      if (session->stage() == Session::Stage::turn) next_ns = std::min(next_ns, turn_free_ns(*session));
    }
    return next_ns;
  }

  // Waits at most so long. False where nothing came.
  bool take_events(int limit_ms) {
    std::array<epoll_event, 128> events;
    const int count = ::epoll_wait(poller_.get(), events.data(), static_cast<int>(events.size()), limit_ms);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t number = events[i].data.u64 & ((std::uint64_t{1} << 56) - 1);
      switch (static_cast<Kind>(events[i].data.u64 >> 56)) {
        case Kind::tcp_listener:
          accept_some(listeners_.tcp()[number].get());
          break;
        case Kind::udp_listener:
          take_hellos(listeners_.udp()[number], listeners_.udp()[number].fd.get());
          for (const std::uint64_t begun : iperf2_.start())
            watch(iperf2_.notify_of(begun), tag(Kind::iperf2, begun), EPOLLIN);
          break;
        case Kind::newcomer:
          if (const auto found = newcomers_.find(number); found != newcomers_.end()) hear(found);
          break;
        case Kind::control:
          if (Session* session = session_of(number)) {
            session->control_ready((events[i].events & ~EPOLLOUT) != 0);
            update(*session);
          }
          break;
        case Kind::notify:
          if (Session* session = session_of(number)) {
            session->notified();
            update(*session);
          }
          break;
        case Kind::iperf2:
          iperf2_.notified(number);
          break;
        case Kind::early_stream:
          if (Session* session = session_of(number)) answer_again(*session);
          break;
      }
    }
    return count > 0;
  }

  Session* session_of(std::uint64_t number) {
    const auto found = sessions_.find(number);
    return found == sessions_.end() ? nullptr : found->second.get();
  }

  Session* session_of(std::string_view cookie) {
    const auto found = by_cookie_.find(std::string(cookie));
    return found == by_cookie_.end() ? nullptr : session_of(found->second);
  }

  // After anything that may have moved a session on.
  void update(Session& session) {
    if (session.stage() == Session::Stage::closed) return;  // tick() removes it
    watch(session.control_fd(), tag(Kind::control, session.number()),
          session.wants_to_write() ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    if (session.stage() == Session::Stage::running)
      for (const int fd : early_[session.number()]) ::epoll_ctl(poller_.get(), EPOLL_CTL_DEL, fd, nullptr);
    if (session.stage() == Session::Stage::running) early_.erase(session.number());
  }

  void accept_some(int listener) {
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

  void make_room() {
    const std::uint64_t most =
        descriptors_ > 2 * kReservedDescriptors ? descriptors_ - kReservedDescriptors : descriptors_ / 2;
    while (newcomers_.size() > most / 2 && !newcomers_.empty()) newcomers_.erase(newcomers_.begin());
  }

  // Reads what a newcomer says, as far as it has come.
  void hear(Newcomers::iterator at) {
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

  void watch_newcomer(Newcomers::iterator at, std::uint32_t events) {
    watch(at->second.fd.get(), tag(Kind::newcomer, at->first), events,
          at->second.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD);
    at->second.watched = true;
  }

  // A cookie is complete. True where the newcomer stays one, for a transaction.
  bool assign(Newcomers::iterator at) {
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

  // What began with no cookie: a client of iperf2, whose words may be longer, or none of ours. It has no way
  // to name a user.
  bool assign_iperf2(Newcomers::iterator at) {
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

  [[nodiscard]] bool has_room() const {
    return sessions_.size() + iperf2_.size() < static_cast<std::size_t>(options_.most_tests);
  }

  void answer(Newcomers::iterator at) {
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

  void begin_session(Fd fd, const Cookie& cookie, const kernel::SocketAddress& peer) {
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

  // Hellos come to the listening socket; a socket of its own for the stream gets all that follows.
  void take_hellos(const UdpListener& listener, int fd) {
    std::array<char, 65536> buffer;
    for (int i = 0; i < (iperf2_.waiting() ? kDatagramsATurn : kAcceptsATurn); ++i) {
      kernel::SocketAddress peer;
      peer.size = sizeof peer.storage;
      const ssize_t got = ::recvfrom(fd, buffer.data(), buffer.size(), MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&peer.storage), &peer.size);
      if (got < 0) return;
      const std::string_view hello(buffer.data(), static_cast<std::size_t>(got));
      Session* session = session_for(hello, peer);
      if (session == nullptr) take_datagram(listener, fd, hello, peer);
      if (session == nullptr) continue;
      auto stream = connected_to(listener, peer);
      if (!stream) continue;
      // Before it was connected, it may have got what was meant for the port. Data of its own cannot be there
      // yet: the client waits for the answer.
      if (fd == listener.fd.get()) take_hellos(listener, stream->get());
      if (!session->needs_streams()) continue;
      static_cast<void>(::send(stream->get(), kUdpHelloReply.data(), kUdpHelloReply.size(), MSG_NOSIGNAL));
      watch(stream->get(), tag(Kind::early_stream, session->number()), EPOLLIN);
      early_[session->number()].push_back(stream->get());
      session->add_stream(std::move(*stream));
      update(*session);
    }
  }

  // No hello: perhaps one of iperf2's, which need none.
  void take_datagram(const UdpListener& listener, int fd, std::string_view datagram,
                     const kernel::SocketAddress& peer) {
    if (fd != listener.fd.get() || options_.users || !has_room() || !iperf2_.is_new(datagram, peer)) {
      iperf2_.keep(datagram, peer);
      return;
    }
    auto stream = connected_to(listener, peer);
    if (!stream) return;
    const int own = stream->get();
    iperf2_.add_udp(++last_number_, std::move(*stream), peer, datagram);
    take_hellos(listener, own);  // as above
  }

  Session* session_for(std::string_view hello, const kernel::SocketAddress& peer) {
    const std::string host = peer.host();
    if (hello.size() == kUdpHello.size() + kCookieBytes && hello.starts_with(kUdpHello)) {
      Session* session = session_of(hello.substr(kUdpHello.size()));
      return session != nullptr && session->needs_streams() && session->parameters().udp ? session : nullptr;
    }
    if (hello.size() != kUdpHello.size()) return nullptr;
    Session* latest = nullptr;
    for (const auto& [number, session] : sessions_)
      if (session->needs_streams() && session->parameters().udp && !session->parameters().isotach &&
          session->peer().host() == host &&
          (latest == nullptr || session->turn_from_ns() >= latest->turn_from_ns()))
        latest = session.get();
    return latest;
  }

  // A client whose answer was lost asks again, on the socket that is its own already.
  static void answer_again(Session& session) {
    std::array<char, 64> buffer;
    for (const int fd : session.waiting_streams())
      for (int i = 0; i < kAcceptsATurn && ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT) >= 0; ++i)
        static_cast<void>(
            ::send(fd, kUdpHelloReply.data(), kUdpHelloReply.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  }

  // When a test that waits for its turn may have it: once no other of its host expects hellos any more, or
  // has done so for too long.
  [[nodiscard]] std::int64_t turn_free_ns(const Session& waiting) const {
    std::int64_t free_ns = 0;
    for (const auto& [number, session] : sessions_)
      if (session.get() != &waiting && session->needs_streams() && session->parameters().udp &&
          !session->parameters().isotach && session->peer().host() == waiting.peer().host())
        free_ns = std::max(free_ns, session->turn_from_ns() + session->turn_limit_ns());
    return free_ns;
  }

  void tick(std::int64_t now_ns) {
    if (iperf2_.tick(now_ns) && options_.one_test) over_ = true;
    if (answered_from_ns_ + kAnsweredLimitNs <= now_ns) answered_.clear();
    while (!newcomers_.empty() && newcomers_.begin()->second.deadline_ns <= now_ns)
      newcomers_.erase(newcomers_.begin());
    for (auto at = sessions_.begin(); at != sessions_.end();) {
      Session& session = *at->second;
      if (session.next_tick_ns() <= now_ns) {
        session.tick(now_ns);
        update(session);
      }
      if (session.stage() == Session::Stage::turn && turn_free_ns(session) <= now_ns) {
        session.give_turn();
        update(session);
      }
      if (session.stage() != Session::Stage::closed) {
        ++at;
        continue;
      }
      if (session.has_run() && options_.one_test) over_ = true;
      by_cookie_.erase(std::string(key_of(session.cookie())));
      early_.erase(session.number());
      at = sessions_.erase(at);
    }
  }

  const ServerOptions& options_;
  SignalWaiter& waiter_;
  Clock& clock_;
  ServerObserver& observer_;
  std::uint64_t descriptors_ = 1024;
  Fd poller_;
  Listeners listeners_;
  path::Responders path_responders_;
  Newcomers newcomers_;
  int accepts_a_turn_ = 1;
  std::deque<Fd> answered_;  // closed soon, in this order
  std::int64_t answered_from_ns_ = 0;
  Iperf2Sessions iperf2_{clock_, observer_};
  std::map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::unordered_map<std::string, std::uint64_t> by_cookie_;
  std::unordered_map<std::uint64_t, std::vector<int>> early_;
  std::uint64_t last_number_ = 0;
  bool over_ = false;
};

}  // namespace

Result<void> run_server(const ServerOptions& options, SignalWaiter& waiter, Clock& clock,
                        ServerObserver& observer) {
  return Server(options, waiter, clock, observer).run();
}

}  // namespace isotach::nettest
