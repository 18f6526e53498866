#include "network/nettest/server.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "network/nettest/server_inside.h"

namespace isotach::nettest {
namespace {

// Where something has just come the next thing is not far: it is waited for without a look at all deadlines.
constexpr int kMoreSoonMs = 1;

}  // namespace

Result<void> Server::run() {
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

Result<void> Server::listen() {
  auto addresses = listeners_.open(options_, observer_);
  if (!addresses) return tl::make_unexpected(std::move(addresses.error()));
  for (std::size_t i = 0; i < listeners_.tcp().size(); ++i)
    watch(listeners_.tcp()[i].get(), tag(Kind::tcp_listener, i), EPOLLIN);
  for (std::size_t i = 0; i < listeners_.udp().size(); ++i)
    watch(listeners_.udp()[i].fd.get(), tag(Kind::udp_listener, i), EPOLLIN);
  observer_.listening(*addresses);
  return {};
}

void Server::watch(int fd, std::uint64_t data, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  ::epoll_ctl(poller_.get(), operation, fd, &event);
}

std::int64_t Server::next_deadline_ns() const {
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

bool Server::take_events(int limit_ms) {
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

Session* Server::session_of(std::uint64_t number) {
  const auto found = sessions_.find(number);
  return found == sessions_.end() ? nullptr : found->second.get();
}

Session* Server::session_of(std::string_view cookie) {
  const auto found = by_cookie_.find(std::string(cookie));
  return found == by_cookie_.end() ? nullptr : session_of(found->second);
}

void Server::update(Session& session) {
  if (session.stage() == Session::Stage::closed) return;  // tick() removes it
  watch(session.control_fd(), tag(Kind::control, session.number()),
        session.wants_to_write() ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
  if (session.stage() == Session::Stage::running)
    for (const int fd : early_[session.number()]) ::epoll_ctl(poller_.get(), EPOLL_CTL_DEL, fd, nullptr);
  if (session.stage() == Session::Stage::running) early_.erase(session.number());
}

std::int64_t Server::turn_free_ns(const Session& waiting) const {
  std::int64_t free_ns = 0;
  for (const auto& [number, session] : sessions_)
    if (session.get() != &waiting && session->needs_streams() && session->parameters().udp &&
        !session->parameters().isotach && session->peer().host() == waiting.peer().host())
      free_ns = std::max(free_ns, session->turn_from_ns() + session->turn_limit_ns());
  return free_ns;
}

void Server::tick(std::int64_t now_ns) {
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

Result<void> run_server(const ServerOptions& options, SignalWaiter& waiter, Clock& clock,
                        ServerObserver& observer) {
  return Server(options, waiter, clock, observer).run();
}

}  // namespace isotach::nettest
